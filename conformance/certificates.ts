import { lego } from './clients/lego.ts';
import { checkIssued, fetchCrl, type Issued, leafDer, memberOfChain } from './openssl.ts';
import type { Case, Trial } from './trial.ts';

export const certificateCases: Case[] = [
  {
    name: 'openssl verify',
    async run(t) {
      const issued = await issue(t, t.names);
      const issuer = await memberOfChain(issued.chain, 1, t.folder);
      const crls = [await fetchCrl(issued.chain, t.folder), await fetchCrl(issuer, t.folder)].flatMap(file => ['-CRLfile', file]);
      const verify = (...args: string[]) =>
        t.run(['openssl', 'verify', '-x509_strict', '-CAfile', t.ca.root, '-untrusted', issued.chain, ...args, issued.chain]);
      await verify('-purpose', 'sslserver');
      await verify('-purpose', 'sslclient');
      await verify('-crl_check_all', ...crls);
      for (const name of t.names) await verify('-verify_hostname', name);
    },
  },
  {
    name: 'names in DER: default profile',
    async run(t) {
      const domains = await twoDomains(t);
      const issued = await issue(
        t,
        domains.map(domain => domain.a),
      );
      checkNames(
        await leafDer(issued.chain),
        domains.flatMap(domain => [dnsName(domain.a), srvName('_xmpp-client', domain.a), srvName('_xmpp-server', domain.a)]),
      );
    },
  },
  {
    name: 'names in DER: profile xmpp-server-addr',
    async run(t) {
      const domains = await twoDomains(t);
      const issued = await issue(
        t,
        domains.map(domain => domain.a),
        'xmpp-server-addr',
      );
      checkNames(
        await leafDer(issued.chain),
        domains.flatMap(({ a, u }) => [dnsName(a), srvName('_xmpp-client', a), srvName('_xmpp-server', a), xmppAddr(u)]),
      );
    },
  },
];

interface Domain {
  a: string;
  u: string;
}

/** The case's own domain, and an internationalised one below it. */
async function twoDomains(t: Trial): Promise<Domain[]> {
  return [
    { a: t.domain, u: t.domain },
    { a: `xn--mnchen-3ya.${t.domain}`, u: `münchen.${t.domain}` },
  ];
}

/** @param member that has proved the names' domain; default a new one */
export async function issue(t: Trial, names: string[], profile?: string, member?: string): Promise<Issued> {
  const eab = await t.ca.eab(member ?? (await t.provedMember()));
  const directory = profile === undefined ? eab.directory : `${t.ca.url}/acme/p/${profile}/directory`;
  const issued = await lego(t, { ...eab, directory }, undefined, {}, names).issue();
  await checkIssued(issued, t.ca.root, names);
  return issued;
}

/** The subjectAltName holds exactly these GeneralNames, in whatever order. */
function checkNames(leaf: Buffer, wanted: Buffer[]): void {
  const oid = Buffer.from('0603551d11', 'hex');
  const rest = leaf.subarray(leaf.indexOf(oid) + oid.length);
  const critical = Buffer.from('0101ff', 'hex');
  const value = rest.subarray(0, 3).equals(critical) ? rest.subarray(3) : rest;
  const whole = tlv(0x04, tlv(0x30, Buffer.concat(wanted)));
  const found = value.subarray(0, whole.length);
  for (const name of wanted)
    if (!found.includes(name))
      throw new Error(`missing from the subjectAltName: ${name.toString('hex')}\nwhich is: ${found.toString('hex')}`);
  const header = whole.length - wanted.reduce((sum, name) => sum + name.length, 0);
  if (!found.subarray(0, header).equals(whole.subarray(0, header)))
    throw new Error(`the subjectAltName holds more than it should: ${found.toString('hex')}`);
}

const dnsName = (name: string) => tlv(0x82, Buffer.from(name, 'ascii'));
/** id-on-dnsSRV, RFC 4985: an IA5String with an A-label. */
const srvName = (service: string, name: string) => otherName('06082b06010505070807', tlv(0x16, Buffer.from(`${service}.${name}`, 'ascii')));
/** id-on-xmppAddr, RFC 3920: a UTF8String with a U-label. */
const xmppAddr = (name: string) => otherName('06082b06010505070805', tlv(0x0c, Buffer.from(name, 'utf8')));

function otherName(oid: string, value: Buffer): Buffer {
  return tlv(0xa0, Buffer.concat([Buffer.from(oid, 'hex'), tlv(0xa0, value)]));
}

function tlv(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
