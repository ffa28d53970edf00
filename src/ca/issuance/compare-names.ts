import { unicodeName } from '../../model/identifier.ts';
import { Problem } from '../../model/problem.ts';
import type { CsrFacts } from '../../pki/csr.ts';

/** CSR facts equal the identifiers. @throws Problem badCSR */
export function compareNames({ dnsNames, srvNames, xmppAddrs }: CsrFacts, names: readonly string[]): void {
  const ordered = new Set(names);
  const asked = new Set(dnsNames);
  const missing = names.filter(n => !asked.has(n));
  const added = dnsNames.filter(n => !ordered.has(n));
  if (missing.length || added.length) {
    const parts = [missing.length && `it lacks ${missing.join(', ')}`, added.length && `it adds ${added.join(', ')}`].filter(Boolean);
    throw new Problem('badCSR', `The CSR's names (subjectAltName and common name) are not those of the order: ${parts.join('; ')}.`);
  }
  const srvAllowed = new Set(names.flatMap(n => [`_xmpp-client.${n}`, `_xmpp-server.${n}`]));
  const stranger = srvNames.find(n => !srvAllowed.has(n));
  if (stranger) throw new Problem('badCSR', `The CSR's SRVName "${stranger}" is not _xmpp-client or _xmpp-server of a name of the order.`);
  const xmppAllowed = new Set(names.flatMap(n => [n, unicodeName(n)]));
  const address = xmppAddrs.find(a => !xmppAllowed.has(a));
  if (address) throw new Problem('badCSR', `The CSR's XmppAddr "${address}" is not a name of the order.`);
}
