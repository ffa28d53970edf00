import { z } from 'zod';
import { type Authorization, authorizationStatus, authorizationStatuses } from '../model/authorization.ts';
import { type Challenge, challengeStatuses, challengeTypeNames } from '../model/challenge.ts';
import { rfc3339 } from '../model/encoding.ts';
import { groupBy } from '../model/group-by.ts';
import { time } from './operation.ts';

const challengeShown = z.object({
  id: z.string(),
  type: z.enum(challengeTypeNames),
  status: z.enum(challengeStatuses),
  mailboxes: z.array(z.string()).optional().describe('that a code may go to'),
  sentTo: z.array(z.object({ mailbox: z.string(), at: time })).optional(),
  validatedAt: time.optional(),
  error: z.string().optional(),
});

export const authorizationShown = z.object({
  id: z.string(),
  accountId: z.string(),
  name: z.string(),
  wildcard: z.boolean(),
  status: z.enum([...authorizationStatuses, 'expired']),
  method: z.enum(challengeTypeNames).optional(),
  proofId: z.string().optional().describe('the domain proof that it was made from'),
  expires: time,
  createdAt: time,
  challenges: z.array(challengeShown),
});

/** Without tokens, which are half of what answers a challenge. */
function showChallenge({ id, type, status, mailbox, validatedAt, error }: Challenge): z.input<typeof challengeShown> {
  return {
    ...{ id, type, status },
    ...(mailbox && { mailboxes: mailbox.mailboxes, sentTo: mailbox.sentTo.map(sent => ({ ...sent, at: rfc3339(sent.at) })) }),
    ...(validatedAt !== undefined && { validatedAt: rfc3339(validatedAt) }),
    ...(error && { error: error.detail }),
  };
}

export function showAuthorizations(
  authorizations: readonly Authorization[],
  challenges: readonly Challenge[],
  now: number,
): z.input<typeof authorizationShown>[] {
  const challengesOf = groupBy(challenges, c => c.authorizationId);
  return authorizations.map(authorization => {
    const { id, accountId, name, wildcard, method, proofId, expiresAt, createdAt } = authorization;
    return {
      ...{ id, accountId, name, wildcard },
      status: authorizationStatus(authorization, now),
      ...(method !== undefined && { method }),
      ...(proofId !== undefined && { proofId }),
      expires: rfc3339(expiresAt),
      createdAt: rfc3339(createdAt),
      challenges: (challengesOf.get(id) ?? []).map(showChallenge),
    };
  });
}
