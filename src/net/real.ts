import type { Config } from '../config.ts';
import { createDial, type Listener, publicOnly } from './connection.ts';
import { createDns } from './dns.ts';
import { createGet } from './http.ts';
import { defaults, type Limits } from './limits.ts';
import type { Network } from './network.ts';
import { createPost } from './post.ts';
import { createTls } from './tls.ts';
import { createTrust } from './trust.ts';

/**
 * The network itself.
 * @param ownListeners where this server listens now: it never connects to itself
 */
export function createNetwork({ validation }: Config, ownListeners: () => Listener[], limits: Limits = defaults): Network {
  const dns = createDns(validation.resolvers, limits.dns);
  const refuse = validation.allowPrivateAddresses ? () => undefined : publicOnly(ownListeners);
  const dial = createDial(dns, refuse, limits.connect);
  return {
    txt: dns.txt,
    caa: dns.caa,
    mx: dns.mx,
    get: createGet(dial, { http: validation.httpPort, https: validation.tlsPort }, limits.http),
    post: createPost(dial, validation.allowPrivateAddresses, createTrust(), limits),
    tls: createTls(dial, validation.tlsPort, limits.tls),
  };
}
