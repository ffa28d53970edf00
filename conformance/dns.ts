import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { type Answer, decode, encode, type Packet, streamDecode, streamEncode } from 'dns-packet';

/** A DNS server that answers from memory, and a control endpoint for hooks that are shell scripts: `set-txt`, `clear-txt`. */
export class Dns {
  readonly address: string;
  readonly control: string;
  readonly #records = new Map<string, Answer[]>();
  #close: () => void = () => {};

  static async start(address: string): Promise<Dns> {
    const control = createServer();
    control.listen(0, '127.0.0.1');
    await once(control, 'listening');
    const dns = new Dns(address, `http://127.0.0.1:${(control.address() as AddressInfo).port}`);
    control.on('request', async (request, response) => {
      let body = '';
      for await (const piece of request) body += piece;
      const { host, value } = JSON.parse(body) as { host: string; value?: string };
      if (request.url === '/set-txt' && value !== undefined) dns.add(host, { type: 'TXT', name: host, ttl: 1, data: value });
      else if (request.url === '/clear-txt') dns.remove(host, 'TXT');
      else response.statusCode = 404;
      response.end();
    });
    const udp = createSocket('udp4', (message, from) => udp.send(encode(dns.#answer(decode(message))), from.port, from.address));
    udp.bind(53, address);
    await once(udp, 'listening');
    const tcp = createTcpServer(socket => {
      socket.on('error', () => {});
      socket.once('data', message => socket.end(streamEncode(dns.#answer(streamDecode(message) ?? {}))));
    });
    tcp.listen(53, address);
    await once(tcp, 'listening');
    dns.#close = () => {
      udp.close();
      tcp.close();
      control.close();
      control.closeAllConnections();
    };
    return dns;
  }

  private constructor(address: string, control: string) {
    this.address = address;
    this.control = control;
  }

  /** Points a name at an address, and at nothing else. */
  host(name: string, address: string): void {
    this.remove(name, 'A');
    this.add(name, { type: 'A', name, ttl: 1, data: address });
  }

  mx(name: string, exchange: string): void {
    this.remove(name, 'MX');
    this.add(name, { type: 'MX', name, ttl: 1, data: { preference: 10, exchange } });
  }

  srv(name: string, port: number, target: string): void {
    this.remove(name, 'SRV');
    this.add(name, { type: 'SRV', name, ttl: 1, data: { priority: 0, weight: 5, port, target } });
  }

  txt(name: string, value: string): void {
    this.remove(name, 'TXT');
    // A character-string holds 255 bytes at most.
    this.add(name, { type: 'TXT', name, ttl: 1, data: value.match(/.{1,255}/gs) ?? [''] });
  }

  add(name: string, record: Answer): void {
    const key = canonical(name);
    this.#records.set(key, [...(this.#records.get(key) ?? []), record]);
  }

  remove(name: string, type: Answer['type']): void {
    const key = canonical(name);
    this.#records.set(
      key,
      (this.#records.get(key) ?? []).filter(record => record.type !== type),
    );
  }

  close(): void {
    this.#close();
  }

  #answer(query: Packet): Packet {
    const question = query.questions?.[0];
    if (question === undefined) return { id: query.id ?? 0, type: 'response', flags: 1 };
    const name = canonical(question.name);
    const zone = name.split('.').slice(-2).join('.');
    const soa: Answer = {
      type: 'SOA',
      name: zone,
      ttl: 1,
      data: { mname: 'ns.test', rname: 'hostmaster.test', serial: 1, refresh: 60, retry: 60, expire: 600, minimum: 1 },
    };
    const found = (this.#records.get(name) ?? []).filter(record => record.type === question.type);
    const answers = question.type === 'SOA' && name === zone ? [soa] : found.map(record => ({ ...record, name: question.name }) as Answer);
    const known = name === zone || [...this.#records.keys()].some(key => key === name || key.endsWith(`.${name}`));
    return {
      id: query.id ?? 0,
      type: 'response',
      // RD and RA and AA; NXDOMAIN where nothing is at the name nor below it.
      flags: (query.flags ?? 0) | 0x0080 | 0x0400 | (known ? 0 : 3),
      questions: [question],
      answers,
      authorities: answers.length ? [] : [soa],
    };
  }
}

function canonical(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
