import { Problem } from '../model/problem.ts';
import { sha256 } from '../model/sha256.ts';
import { readAcmeTlsCertificate } from '../pki/acme-tls.ts';
import { type ChallengeType, keyAuthorization } from './challenge-type.ts';

const protocol = 'acme-tls/1';

/** RFC 8737 §3. */
export const tlsAlpn01: ChallengeType = {
  proves: ({ wildcard }) => !wildcard,
  respond: () => ({ next: 'processing' }),

  async check(net, task, signal) {
    const peer = await net.tls(task.name, protocol, signal);
    const wrong = (what: string) => new Problem('incorrectResponse', `The TLS server of ${task.name} at ${peer.address} ${what}.`);
    if (peer.alpn !== protocol) throw wrong(`did not agree on the protocol ${protocol}`);
    const certificate = readAcmeTlsCertificate(peer.certificate);
    if (!certificate) throw wrong('presented a certificate that cannot be read');
    if (!certificate.selfIssued) throw wrong('presented a certificate that is not self-signed');
    if (certificate.dnsNames?.length !== 1 || certificate.dnsNames[0] !== task.name)
      throw wrong(`presented a certificate whose names are not exactly the one dNSName ${task.name}`);
    if (!certificate.digest) throw wrong('presented a certificate without a critical acmeIdentifier extension');
    if (!Buffer.from(sha256(keyAuthorization(task))).equals(certificate.digest))
      throw wrong('presented an acmeIdentifier that is not the digest of the key authorization');
    return { address: peer.address };
  },
};
