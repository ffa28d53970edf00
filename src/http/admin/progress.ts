import type { Response } from 'express';
import type { Logger } from 'pino';
import { renderProblem } from '../errors.ts';
import type { Reply } from '../reply.ts';

export const progressType = 'application/x-ndjson';

/**
 * Answers what takes long as it goes on: one JSON object a line, `progress` now and then, `result` or `problem` at the end. Whoever goes away does not end
 * the work.
 * @throws what the work throws before its first line: that has an answer of its own, with its status
 */
export async function answerWithProgress(
  res: Response,
  log: Logger,
  work: (progress: (line: string) => void) => Promise<Reply>,
): Promise<void> {
  const write = (line: object): void => {
    if (!res.headersSent) res.status(200).setHeader('Content-Type', progressType);
    if (!res.closed) res.write(`${JSON.stringify(line)}\n`);
  };
  try {
    const { body } = await work(progress => write({ progress }));
    write({ result: body });
  } catch (error) {
    if (!res.headersSent) throw error;
    write({ problem: renderProblem(error, log).body });
  }
  res.end();
}
