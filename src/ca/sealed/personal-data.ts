import type { Ctx } from '../../ctx.ts';
import type { Member, MemberPersonal } from '../../model/member.ts';
import type { Message, MessagePersonal } from '../../model/message.ts';
import { normalAddress, normalName } from '../../model/personal.ts';
import type { Place } from '../../vault/places.ts';
import type { Vault } from '../../vault/vault.ts';

/*
 * What is personal lies in the database encrypted, and is opened here, only where somebody is written to or an operator asks.
 */

type Tools = Pick<Ctx, 'vault'>;

function sealJson(vault: Vault, place: Place, value: unknown): Uint8Array {
  return vault.seal(place, Buffer.from(JSON.stringify(value)));
}

function openJson<T>(vault: Vault, place: Place, sealed: Uint8Array): T {
  return JSON.parse(Buffer.from(vault.open(place, sealed)).toString());
}

export const sealMember = ({ vault }: Tools, id: string, personal: MemberPersonal): Uint8Array =>
  sealJson(vault, { in: 'members.personal', row: id }, personal);

/** Nothing where it was erased. */
export const openMember = ({ vault }: Tools, { id, personal }: Pick<Member, 'id' | 'personal'>): MemberPersonal | undefined =>
  personal && openJson(vault, { in: 'members.personal', row: id }, personal);

/** What a member is found by. */
export type Sought = { kind: 'name' | 'email'; value: string };

const formOf = ({ kind, value }: Sought): string => (kind === 'name' ? normalName(value) : normalAddress(value));

/** Keyed: whoever has the database alone cannot try names and addresses. */
export function searchHashes({ vault }: Tools, { name, contacts }: MemberPersonal): Uint8Array[] {
  const sought: Sought[] = [{ kind: 'name', value: name }, ...contacts.map(value => ({ kind: 'email' as const, value }))];
  const hashes = sought.map(s => vault.mac('member search', s.kind, formOf(s)));
  return [...new Map(hashes.map(hash => [Buffer.from(hash).toString('hex'), hash])).values()];
}

/** The hashes that it may have: while a key is changed, members are found under either. */
export const soughtHashes = ({ vault }: Tools, sought: Sought): Uint8Array[] => vault.macs('member search', sought.kind, formOf(sought));

/** Of an account that has any. */
export const sealContact = ({ vault }: Tools, accountId: string, contact: readonly string[]): Uint8Array =>
  sealJson(vault, { in: 'accounts.personal', row: accountId }, contact);

export const openContact = ({ vault }: Tools, { id, contact }: { id: string; contact?: Uint8Array }): string[] =>
  contact ? openJson(vault, { in: 'accounts.personal', row: id }, contact) : [];

export const sealAddress = ({ vault }: Tools, messageId: string, personal: MessagePersonal): Uint8Array =>
  sealJson(vault, { in: 'outbox.personal', row: messageId }, personal);

export const openAddress = ({ vault }: Tools, { id, personal }: Pick<Message, 'id' | 'personal'>): MessagePersonal | undefined =>
  personal && openJson(vault, { in: 'outbox.personal', row: id }, personal);

/** What operators write of keys and tokens may name people too. */
const wordPlaces = {
  eab: 'eab_keys.label_sealed',
  token: 'tokens.label_sealed',
  blocked: 'blocked_keys.why_sealed',
} as const;

export type Worded = keyof typeof wordPlaces;

export const sealWords = ({ vault }: Tools, of: Worded, id: string, words: string): Uint8Array =>
  sealJson(vault, { in: wordPlaces[of], row: id }, words);

export const openWords = ({ vault }: Tools, of: Worded, id: string, sealed: Uint8Array): string =>
  openJson(vault, { in: wordPlaces[of], row: id }, sealed);
