import type { Logger } from 'pino';
import { asProblem, type Problem } from '../model/problem.ts';
import type { Reply } from './reply.ts';

/** The one place where a Problem becomes HTTP (RFC 8555 §6.7, RFC 7807). What is unknown goes to the log, and only there. */
export function renderProblem(error: unknown, log: Logger): Reply {
  const problem = asProblem(error);
  if (problem.type === 'serverInternal') log.error({ err: problem.cause ?? problem }, 'internal error');
  return {
    status: problem.status,
    headers: { 'Content-Type': 'application/problem+json', ...extraHeaders(problem) },
    body: problem.toJSON(),
  };
}

function extraHeaders({ extras }: Problem): Record<string, string | string[]> {
  return {
    ...(extras.retryAfter !== undefined && { 'Retry-After': String(extras.retryAfter) }),
    ...(extras.location !== undefined && { Location: extras.location }),
    ...(extras.challenge !== undefined && { 'WWW-Authenticate': extras.challenge }),
    ...(extras.links && { Link: extras.links }),
  };
}
