import { connect, isIP, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { printable } from '../model/printable.ts';
import { Problem } from '../model/problem.ts';
import { canonical, refusal } from './addresses.ts';
import { onAbort, stopped } from './deadline.ts';
import type { Dns } from './dns.ts';
import { describe } from './error-words.ts';
import type { Limits } from './limits.ts';

export interface Listener {
  address: string;
  port: number;
}

/** Why validation does not go to an address and port, as the end of a sentence about the address; undefined: it may. */
export type Refuse = (address: string, port: number) => string | undefined;

export interface Connection {
  /** Destroyed when the signal aborts. */
  socket: Socket;
  address: string;
}

/** Resolves the name and connects to one of the very addresses that were checked. @throws Problem `dns` or `connection` */
export type Dial = (name: string, port: number, signal: AbortSignal) => Promise<Connection>;

/** Refuses what is not global unicast, and this server's own doors. */
export function publicOnly(ownListeners: () => Listener[]): Refuse {
  return (address, port) => {
    const special = refusal(address);
    if (special) return `${special}: not a public address`;
    if (ownListeners().some(own => own.port === port && answersAt(own.address, address)))
      return 'this server itself: not a peer to validate';
    return undefined;
  };
}

function answersAt(listening: string, address: string): boolean {
  if (listening !== '0.0.0.0' && listening !== '::') return canonical(listening) === canonical(address);
  return Object.values(networkInterfaces()).some(list => list?.some(own => canonical(own.address) === canonical(address)));
}

export function createDial(dns: Dns, refuse: Refuse, limits: Limits['connect']): Dial {
  return async (name, port, signal) => {
    const { ipv6, ipv4 } = literal(name) ?? (await dns.addresses(name, signal));
    const permitted = (list: string[]) => list.filter(address => refuse(address, port) === undefined).slice(0, limits.addresses);
    const open = [...permitted(ipv6), ...permitted(ipv4)];
    const [first = ''] = [...ipv6, ...ipv4];
    if (!open.length) {
      const which = first === name ? `${first} is` : `${printable(name)} resolves to ${first}, which is`;
      throw new Problem('connection', `${which} ${refuse(first, port)}.`);
    }
    const failures: string[] = [];
    for (const address of open) {
      const result = await tryAddress(address, port, signal, limits.timeout);
      if (typeof result !== 'string') return { socket: result, address };
      failures.push(`${address}: ${result}`);
      if (signal.aborted) break;
    }
    throw new Problem('connection', `Cannot connect to ${printable(name)} on port ${port}: ${failures.join('; ')}.`);
  };
}

function literal(name: string): { ipv6: string[]; ipv4: string[] } | undefined {
  const version = isIP(name);
  return version ? { ipv6: version === 6 ? [name] : [], ipv4: version === 4 ? [name] : [] } : undefined;
}

/** The connected socket, or in words why there is none. */
function tryAddress(host: string, port: number, signal: AbortSignal, timeout: number): Promise<Socket | string> {
  return new Promise(resolve => {
    const socket = connect({ host, port });
    const forget = onAbort(signal, () => socket.destroy());
    const timer = setTimeout(() => socket.destroy(), timeout);
    let failure: string | undefined;
    socket.on('error', error => {
      failure = describe(error);
    });
    socket.once('close', () => {
      clearTimeout(timer);
      forget();
      resolve(failure ?? stopped(signal) ?? `there was no answer within ${timeout / 1000} seconds`);
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}
