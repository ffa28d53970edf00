import { base64url } from '../model/encoding.ts';
import { Problem } from '../model/problem.ts';
import { sha256 } from '../model/sha256.ts';
import { type ChallengeType, keyAuthorization } from './challenge-type.ts';

/** RFC 8555 §8.4. */
export const dns01: ChallengeType = {
  proves: () => true,
  respond: () => ({ next: 'processing' }),

  async check(net, task, signal) {
    const owner = `_acme-challenge.${task.name}`;
    const records = await net.txt(owner, signal);
    const digest = base64url(sha256(keyAuthorization(task)));
    if (records.length === 0) throw new Problem('dns', `There is no TXT record at ${owner}.`);
    if (!records.includes(digest))
      throw new Problem(
        'incorrectResponse',
        `None of the ${records.length} TXT records at ${owner} is the digest of the key authorization.`,
      );
    return { owner, record: digest };
  },
};
