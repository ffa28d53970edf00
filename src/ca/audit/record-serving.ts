import type { Ctx } from '../../ctx.ts';
import { clock } from '../../model/audit.ts';
import { hex } from '../../model/encoding.ts';
import { recordAlone } from './record.ts';

/** A server begins, with these rules; a MAC tells whether anything else in its configuration has changed, and tells no secret. */
export async function recordStart(ctx: Ctx): Promise<void> {
  const { publicUrl, policy, validation, status } = ctx.config;
  const configuration = hex(ctx.vault.mac('configuration', JSON.stringify(ctx.config)));
  const detail = { publicUrl, policy, validation, status, configuration };
  await recordAlone(ctx, clock, { action: 'server.started', subject: { process: ctx.processId }, detail });
}

export async function recordStop(ctx: Ctx): Promise<void> {
  await recordAlone(ctx, clock, { action: 'server.stopped', subject: { process: ctx.processId } });
}
