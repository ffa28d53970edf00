import { Problem } from '../../model/problem.ts';

/** What is wrong with the audit log, and where it is wrong first. @throws Problem */
export function broken(detail: string): never {
  throw new Problem('malformed', `The audit log is not what was signed: ${detail}.`, { status: 409 });
}
