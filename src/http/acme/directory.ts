import { type ProfileName, profileNames } from '../../model/certificate.ts';
import type { MemberDirectory } from '../../model/member.ts';
import { notFound } from '../../model/problem.ts';
import { sha256 } from '../../model/sha256.ts';
import { profiles } from '../../pki/profiles/table.ts';
import { findDirectoryBySecret } from '../../store/doors.ts';
import type { Db } from '../../store/open.ts';
import type { Reply } from '../reply.ts';
import { type Acme, type Incoming, refusePayload, type Signed } from './request.ts';

interface Shown {
  /** Path below `/acme/`. */
  newAccount: string;
  externalAccountRequired: boolean;
  /** The one profile that newOrder is fixed to. */
  profile?: ProfileName | undefined;
}

/** RFC 8555 §7.1.1 with RFC 9773's `renewalInfo` and draft-ietf-acme-profiles' `meta.profiles`: only what newOrder accepts. */
function present({ ctx, urls }: Acme, { newAccount, externalAccountRequired, profile }: Shown): object {
  const { policy, validation } = ctx.config;
  const at = (path: string) => `${urls.publicUrl}/acme/${path}`;
  return {
    newNonce: at('new-nonce'),
    newAccount: at(newAccount),
    newOrder: at(profile ? `p/${profile}/new-order` : 'new-order'),
    newAuthz: at('new-authz'),
    revokeCert: at('revoke-cert'),
    keyChange: at('key-change'),
    renewalInfo: at('renewal-info'),
    meta: {
      ...(policy.termsOfService !== null && { termsOfService: policy.termsOfService }),
      ...(validation.caaIdentities.length && { caaIdentities: validation.caaIdentities }),
      ...(externalAccountRequired && { externalAccountRequired: true }),
      profiles: Object.fromEntries((profile ? [profile] : profileNames).map(name => [name, profiles[name].description])),
    },
  };
}

export function directory(acme: Acme): Reply {
  return {
    status: 200,
    body: present(acme, { newAccount: 'new-account', externalAccountRequired: acme.ctx.config.policy.externalAccountRequired }),
  };
}

export function isProfile(name: string | undefined): name is ProfileName {
  return (profileNames as readonly string[]).includes(name ?? '');
}

/** A public directory whose newOrder fixes the profile, for clients that cannot choose one. */
export function profileDirectory(acme: Acme, { params }: Incoming): Reply {
  const { profile } = params;
  if (!isProfile(profile)) throw notFound('profile');
  const externalAccountRequired = acme.ctx.config.policy.externalAccountRequired;
  return { status: 200, body: present(acme, { newAccount: 'new-account', externalAccountRequired, profile }) };
}

/** A living member directory. @throws Problem 404 for all others alike */
export async function memberDirectoryOf(db: Db, secret: string | undefined, now: number): Promise<MemberDirectory> {
  const found = secret === undefined ? undefined : await findDirectoryBySecret(db, sha256(secret));
  if (!found || found.revokedAt !== undefined || (found.expiresAt !== undefined && found.expiresAt <= now)) throw notFound('directory');
  return found;
}

/** A member's own directory: its newAccount binds the account to the member, so nothing else is asked of the client. */
export async function memberDirectory(acme: Acme, { params }: Incoming): Promise<Reply> {
  const { ctx } = acme;
  const { profile } = await memberDirectoryOf(ctx.db, params['secret'], ctx.now());
  const body = present(acme, {
    newAccount: `m/${params['secret']}/new-account`,
    externalAccountRequired: false,
    profile: isProfile(profile) ? profile : undefined,
  });
  return { status: 200, headers: { 'Cache-Control': 'no-store' }, body };
}

/** RFC 8555 §7.2: 200 to HEAD, 204 to GET, no body and no Content-Type. */
export function newNonce(_: Acme, { method }: Incoming): Reply {
  return { status: method === 'HEAD' ? 200 : 204, headers: { 'Cache-Control': 'no-store' } };
}

/** §6.3: what is read by GET is read by POST-as-GET too. */
export function asPost(handler: (acme: Acme, request: Incoming) => Promise<Reply> | Reply) {
  return async (acme: Acme, request: Signed): Promise<Reply> => {
    refusePayload(request);
    return handler(acme, request);
  };
}
