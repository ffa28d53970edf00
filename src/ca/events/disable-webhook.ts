import { disableWebhook } from '../../store/webhooks.ts';
import type { Act } from '../act.ts';
import { record } from '../audit/record.ts';

/** Disables a webhook, and records why. @returns whether it was enabled */
export async function disable(act: Act, id: string, why: string): Promise<boolean> {
  if (!(await disableWebhook(act.trx, id, { at: act.now, why }))) return false;
  await record(act, { action: 'webhook.disabled', subject: { webhook: id }, detail: { why } });
  return true;
}
