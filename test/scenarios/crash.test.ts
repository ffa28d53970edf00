import assert from 'node:assert/strict';
import { freshPostgres } from '../kit/postgres.ts';
import { crash } from './crash.ts';

/** `npm run crash -- --kills 1000` does it any number of times. */
describe('a server that is killed at random moments under load', () => {
  it('has every certificate that a client received, and ends every order (sqlite)', async function () {
    this.timeout(600_000);
    const report = await crash({ kills: 100 });
    assert.ok(report.received > 0, JSON.stringify(report));
  });

  it('has every certificate that a client received, and ends every order (postgres)', async function () {
    this.timeout(600_000);
    const report = await crash({ kills: 10, database: await freshPostgres() });
    assert.ok(report.received > 0, JSON.stringify(report));
  });
});
