import { type Config, ConfigError } from '../config.ts';
import { createDial, type Listener, publicOnly } from './connection.ts';
import { createDns, type Dns } from './dns.ts';
import { createGet } from './http.ts';
import { defaults, type Limits } from './limits.ts';
import type { Network } from './network.ts';
import { createTls } from './tls.ts';

/**
 * The network itself.
 * @param ownListeners where this server listens now: validation never connects to itself
 * @throws ConfigError when a resolver is not an IP address with a port
 */
export function createNetwork({ validation }: Config, ownListeners: () => Listener[], limits: Limits = defaults): Network {
  const dns = connectDns(validation.resolvers, limits);
  const refuse = validation.allowPrivateAddresses ? () => undefined : publicOnly(ownListeners);
  const dial = createDial(dns, refuse, limits.connect);
  return {
    txt: dns.txt,
    caa: dns.caa,
    mx: dns.mx,
    get: createGet(dial, { http: validation.httpPort, https: validation.tlsPort }, limits.http),
    tls: createTls(dial, validation.tlsPort, limits.tls),
  };
}

function connectDns(resolvers: readonly string[], limits: Limits): Dns {
  try {
    return createDns(resolvers, limits.dns);
  } catch (error) {
    throw new ConfigError(`validation.resolvers: each is an IP address and a port, such as 192.0.2.53:53 or [2001:db8::53]:53`, {
      cause: error,
    });
  }
}
