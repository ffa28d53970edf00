import assert from 'node:assert/strict';
import { startJobs } from '../src/jobs.ts';
import { openNonces } from '../src/store/nonces.ts';
import { openTestCtx } from './kit/ctx.ts';
import { opened } from './kit/opened.ts';
import { until } from './kit/process.ts';

describe('the clock of jobs', function () {
  this.timeout(60_000);
  const at = opened(() => openTestCtx());

  /** As a machine does that is out of memory, or a process that was stopped. */
  function stall(untilMs: number): void {
    while (Date.now() < untilMs);
  }

  it('runs late what fell due while the process stalled, and says nothing of it on the console', async () => {
    const said: unknown[] = [];
    const { warn, error } = console;
    console.warn = console.error = (...words) => void said.push(words);
    const due = Math.floor(Date.now() / 1000) + 2;
    const ran = { hourly: 0, eachSecond: 0 };
    const own = [
      {
        name: 'hourly',
        schedule: `${due % 60} ${Math.floor(due / 60) % 60} * * * *`,
        run: async () => void ran.hourly++,
      },
      { name: 'each second', schedule: '* * * * * *', run: async () => void ran.eachSecond++ },
    ];
    const end = startJobs(at.ctx, await openNonces(at.ctx.db, at.ctx.now, at.ctx.random), own);
    try {
      stall((due + 3) * 1000);
      const before = ran.eachSecond;
      await until(async () => ran.hourly === 1 && ran.eachSecond > before);
    } finally {
      await end();
      Object.assign(console, { warn, error });
    }
    assert.deepEqual(said, []);
    assert.equal(ran.hourly, 1);
  });
});
