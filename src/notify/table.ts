import type { Config } from '../config.ts';
import type { ChannelName } from '../model/message.ts';
import type { Channel } from './channel.ts';
import { createMail } from './mail.ts';

/** The only list: a channel of the model without a line here does not compile. */
export function openChannels(config: Config, random: (size: number) => Uint8Array, now: () => number): Record<ChannelName, Channel> {
  return { mail: createMail(config.mail, random, now) };
}
