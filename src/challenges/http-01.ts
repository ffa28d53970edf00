import { plural } from '../model/plural.ts';
import { printable } from '../model/printable.ts';
import { Problem } from '../model/problem.ts';
import { type ChallengeType, keyAuthorization } from './challenge-type.ts';

/** RFC 8555 §8.3. */
export const http01: ChallengeType = {
  proves: ({ wildcard }) => !wildcard,
  respond: () => ({ next: 'processing' }),

  async check(net, task, signal) {
    const reply = await net.get({ name: task.name, path: `/.well-known/acme-challenge/${task.token}` }, signal);
    // Redirects may have led to a URL of anybody's making.
    const peer = `${printable(reply.url)} (${reply.address})`;
    if (reply.status !== 200) throw new Problem('incorrectResponse', `${peer} answered with status ${reply.status} where 200 is due.`);
    // Whitespace at the end is ignored.
    const body = Buffer.from(reply.body).toString('utf8').trimEnd();
    if (body !== keyAuthorization(task))
      throw new Problem(
        'incorrectResponse',
        `${peer} answered with something other than the key authorization (${plural(reply.body.length, 'octet')}).`,
      );
    return { url: reply.url, address: reply.address };
  },
};
