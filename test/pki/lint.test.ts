import assert from 'node:assert/strict';
import fc from 'fast-check';
import { assemble, type CertificateSpec, encodeTbs } from '../../src/pki/certificate.ts';
import { checkSigned } from '../../src/pki/check-signed.ts';
import { generalizedTime, octetString, oid, sequence, time, tlv } from '../../src/pki/der.ts';
import { LintError, lint } from '../../src/pki/lint.ts';
import { oids } from '../../src/pki/oids.ts';
import { type Node, parseTree, variants, writeTree } from '../kit/der-tree.ts';
import {
  ecKey,
  everyKind,
  issuingFacts,
  issuingMeant,
  issuingSigner,
  leafMeant,
  rootFacts,
  rootMeant,
  serialOf,
  spkiOf,
  testPolicy,
} from '../kit/hierarchy.ts';
import { mutated } from '../kit/mutate.ts';

const meant = everyKind['xmpp-server'] as CertificateSpec;
const addr = everyKind['xmpp-server-addr'] as CertificateSpec;
const tbs = encodeTbs(meant);

const refuses = (bytes: Uint8Array, spec: CertificateSpec, what: RegExp = /./) =>
  assert.throws(
    () => lint(bytes, spec),
    (error: unknown) => error instanceof LintError && what.test(error.message),
  );

/** The TBS with its tree changed: first the members of the SEQUENCE itself. */
function changed(change: (members: Node[]) => Node[], bytes: Uint8Array = tbs): Uint8Array {
  const [top] = parseTree(bytes);
  assert.ok(top?.members);
  return writeTree([{ tag: top.tag, members: change(top.members) }]);
}

/** The members of the list of extensions changed. */
const changedExtensions = (change: (extensions: Node[]) => Node[], bytes: Uint8Array = tbs) =>
  changed(members => {
    const wrapper = members[7];
    const list = wrapper?.members?.[0];
    assert.ok(wrapper && list?.members);
    return [...members.slice(0, 7), { tag: wrapper.tag, members: [{ tag: list.tag, members: change(list.members) }] }];
  }, bytes);

const node = (bytes: Uint8Array): Node => parseTree(bytes)[0] as Node;
const isExtension = (id: string) => (extension: Node) => Buffer.from(writeTree([extension])).includes(Buffer.from(oid(id)));

/** Mistakes of structure: each list of members, changed. */
const structural: Record<string, (members: readonly Node[]) => Iterable<readonly [string, readonly Node[]]>> = {
  'a NULL at the end of a list': members => [['NULL appended', [...members, { tag: 5, value: new Uint8Array() }]]],
  'a member that is missing': members => members.map((_, i) => [`without ${i}`, members.filter((_, j) => j !== i)] as const),
  'a member that stands twice': members =>
    members.map((n, i) => [`${i} doubled`, members.flatMap((m, j) => (j === i ? [n, m] : [m]))] as const),
  'two members the other way round': members =>
    members
      .slice(1)
      // The order of extensions and of access descriptions says nothing.
      .filter(() => !isUnordered(members))
      .map(
        (_, i) => [`${i} swapped`, [...members.slice(0, i), members[i + 1] as Node, members[i] as Node, ...members.slice(i + 2)]] as const,
      ),
  'an octet more in a value': members =>
    members.flatMap((n, i) =>
      n.value
        ? [[`${i} longer`, members.map((m, j) => (j === i ? { tag: n.tag, value: Buffer.concat([n.value, Buffer.of(0)]) } : m))] as const]
        : [],
    ),
  'an octet more before a value': members =>
    members.flatMap((n, i) =>
      n.value
        ? [[`${i} padded`, members.map((m, j) => (j === i ? { tag: n.tag, value: Buffer.concat([Buffer.of(0), n.value]) } : m))] as const]
        : [],
    ),
  'an empty value': members =>
    members.flatMap((n, i) => [[`${i} empty`, members.map((m, j) => (j === i ? { tag: n.tag, value: new Uint8Array() } : m))] as const]),
};

describe('lint', () => {
  describe('accepts what was meant', () => {
    it('with a subject of several attributes (RFC 5280 §4.1.2.4)', () => {
      const spec = { ...meant, subject: { organizationName: 'Föderation', commonName: 'example.com', serialNumber: '42' } };
      lint(encodeTbs(spec), spec);
    });
    for (const [kind, spec] of Object.entries(everyKind)) it(`of the kind ${kind}`, () => lint(encodeTbs(spec), spec));
  });

  describe('refuses bytes that say something else in', () => {
    const other: [field: string, altered: CertificateSpec, of?: CertificateSpec][] = [
      ['the serial number (RFC 5280 §4.1.2.2)', { ...meant, serial: serialOf(99) }],
      ['the issuer (RFC 5280 §4.1.2.4)', { ...meant, issuerName: rootFacts.subject }],
      ['the subject (RFC 5280 §4.1.2.6)', { ...meant, subject: { commonName: 'xn--mnchen-3ya.example' } }],
      ['the kind of subject', { ...meant, subject: { serialNumber: 'example.com' } }],
      ['a second attribute of the subject', { ...meant, subject: { ...meant.subject, organizationName: 'Org' } }],
      ['notBefore (RFC 5280 §4.1.2.5)', { ...meant, notBefore: meant.notBefore + 1 }],
      ['notAfter (RFC 5280 §4.1.2.5)', { ...meant, notAfter: meant.notAfter + 1 }],
      ['the public key (RFC 5280 §4.1.2.7)', { ...meant, spki: spkiOf(ecKey('other')) }],
      ['the signature algorithm (RFC 5280 §4.1.2.3)', { ...meant, signatureAlgorithm: rootFacts.signatureAlgorithm }],
      ['basicConstraints (RFC 5280 §4.2.1.9)', { ...meant, basicConstraints: {} }],
      [
        'the path length (RFC 5280 §4.2.1.9)',
        { ...everyKind['issuing CA'], basicConstraints: { pathLength: 1 } } as CertificateSpec,
        issuingMeant,
      ],
      ['a missing path length', { ...issuingMeant, basicConstraints: {} }, issuingMeant],
      ['keyUsage (RFC 5280 §4.2.1.3)', { ...meant, keyUsage: ['digitalSignature', 'keyEncipherment'] }],
      ['keyCertSign in a leaf (RFC 5280 §4.2.1.9)', { ...meant, keyUsage: ['keyCertSign'] }],
      ['extKeyUsage (RFC 5280 §4.2.1.12)', { ...meant, extKeyUsage: ['serverAuth'] }],
      ['the order of extKeyUsage', { ...meant, extKeyUsage: ['clientAuth', 'serverAuth'] }],
      ['subjectKeyIdentifier (RFC 5280 §4.2.1.2)', { ...meant, subjectKeyId: Buffer.alloc(20, 1) }],
      ['authorityKeyIdentifier (RFC 5280 §4.2.1.1)', { ...meant, authorityKeyId: Buffer.alloc(20, 1) }],
      ['a name that is missing from the SAN (RFC 5280 §4.2.1.6)', { ...meant, altNames: meant.altNames?.slice(1) ?? [] }],
      ['a name more in the SAN', { ...meant, altNames: [...(meant.altNames ?? []), { kind: 'dns', value: 'evil.example' }] }],
      ['the order of the SAN', { ...meant, altNames: [...(meant.altNames ?? [])].reverse() }],
      ['the kind of a name', { ...meant, altNames: (meant.altNames ?? []).map(n => ({ ...n, kind: 'dns' as const })) }],
      ['an XmppAddr that is missing (RFC 3920 §5.1.1)', { ...addr, altNames: (addr.altNames ?? []).slice(0, -1) }, addr],
      [
        'an XmppAddr in A-labels',
        { ...addr, altNames: (addr.altNames ?? []).map(n => (n.kind === 'xmppAddr' ? { ...n, value: 'xn--mnchen-3ya.example' } : n)) },
        addr,
      ],
      ['the policies (RFC 5280 §4.2.1.4)', { ...meant, policies: [{ ...testPolicy, id: '1.3.6.1.4.1.99999.2' }] }],
      ['a policy more', { ...meant, policies: [testPolicy, { id: '2.5.29.32.0' }] }],
      [
        "the practice statement's URL (RFC 5280 §4.2.1.4)",
        { ...meant, policies: [{ ...testPolicy, cps: 'https://other.example/cp-cps' }] },
      ],
      ['a policy without the qualifier', { ...meant, policies: [{ id: testPolicy.id }] }],
      ['a policy of the issuing CA', { ...issuingMeant, policies: [testPolicy] }, issuingMeant],
      ['the CRL distribution point (RFC 5280 §4.2.1.13)', { ...meant, crlUrl: 'http://status.ca.example/crl/other.crl' }],
      ['the OCSP URL (RFC 5280 §4.2.2.1)', { ...meant, ocspUrl: 'http://other.example/ocsp' }],
      ["the issuer's URL (RFC 5280 §4.2.2.1)", { ...meant, issuerUrl: 'http://other.example/x.cer' }],
      ['noRevAvail (RFC 9608)', { ...meant, noRevAvail: true }],
      ['ocspNoCheck (RFC 6960 §4.2.2.2.1)', { ...meant, ocspNoCheck: true }],
    ];
    for (const [field, altered, of = meant] of other)
      it(field, () => {
        refuses(encodeTbs(altered), of);
        refuses(encodeTbs(of), altered);
      });

    for (const member of ['extKeyUsage', 'authorityKeyId', 'altNames', 'policies', 'crlUrl', 'ocspUrl', 'issuerUrl'] as const)
      it(`${member}, which is missing`, () => {
        const { [member]: _left, ...rest } = meant;
        refuses(encodeTbs(rest), meant, new RegExp(`${member} is nothing`));
      });
  });

  describe('refuses, whatever was meant,', () => {
    const leaf = meant;
    const wrong: [what: string, spec: CertificateSpec, why: RegExp][] = [
      [
        'a serial number of 21 octets (RFC 5280 §4.1.2.2)',
        { ...leaf, serial: Buffer.concat([Buffer.of(1), Buffer.alloc(20)]) },
        /serial number/,
      ],
      ['the serial number zero (RFC 5280 §4.1.2.2)', { ...leaf, serial: Buffer.of(0) }, /serial number/],
      ['a negative serial number (RFC 5280 §4.1.2.2)', { ...leaf, serial: Buffer.of(0x80, 1) }, /./],
      ['an end before the beginning (RFC 5280 §4.1.2.5)', { ...leaf, notAfter: leaf.notBefore - 1 }, /validity/],
      ['an empty span', { ...leaf, notAfter: leaf.notBefore }, /validity/],
      ['parts of a second (RFC 5280 §4.1.2.5.2)', { ...leaf, notAfter: leaf.notAfter + 0.5 }, /./],
      ['an empty subject (RFC 6120 §13.7.1.1)', { ...leaf, subject: {} }, /subject is empty/],
      ['cRLSign in a leaf (RFC 5280 §4.2.1.3)', { ...leaf, keyUsage: ['digitalSignature', 'cRLSign'] }, /signs no certificates/],
      ['keyCertSign in a leaf (RFC 5280 §4.2.1.9)', { ...leaf, keyUsage: ['digitalSignature', 'keyCertSign'] }, /signs no certificates/],
      ['no key usage (RFC 5280 §4.2.1.3)', { ...leaf, keyUsage: [] }, /./],
      [
        'a policy twice (RFC 5280 §4.2.1.4)',
        { ...leaf, policies: [{ id: '1.2.3.4' }, { id: '1.2.3.4', cps: 'https://ca.example' }] },
        /policy stands twice/,
      ],
      ['a practice statement that is no URL', { ...leaf, policies: [{ id: '1.2.3.4', cps: 'cp-cps' }] }, /another form/],
      ['one whose URL is not ASCII', { ...leaf, policies: [{ id: '1.2.3.4', cps: 'https://münchen.example/' }] }, /./],
      ['host names of an authority', { ...rootMeant, altNames: [{ kind: 'dns', value: 'ca.example' }] }, /authority has no host names/],
      [
        'a leaf without a dNSName (RFC 6120 §13.7.1.2.1)',
        { ...leaf, altNames: [{ kind: 'srv', value: '_xmpp-server.example.com' }] },
        /has a dNSName/,
      ],
      ['a name twice', { ...leaf, altNames: [...(leaf.altNames ?? []), { kind: 'dns', value: 'example.com' }] }, /twice/],
      ['a common name that is none of the names', { ...leaf, subject: { commonName: 'other.example' } }, /common name/],
      [
        'a common name of 65 characters',
        { ...leaf, subject: { commonName: `${'a'.repeat(58)}.sample` }, altNames: [{ kind: 'dns', value: `${'a'.repeat(58)}.sample` }] },
        /common name/,
      ],
      ['a leaf with neither CRL nor OCSP (RFC 9608 §3)', leafWithout(leaf), /noRevAvail/],
      ['noRevAvail beside a CRL (RFC 9608 §3)', { ...leaf, noRevAvail: true }, /noRevAvail/],
    ];
    for (const [what, spec, why] of wrong)
      it(what, () => {
        let bytes = tbs;
        try {
          bytes = encodeTbs(spec);
        } catch {
          // The builder refuses it already: lint is asked with other bytes.
        }
        refuses(bytes, spec, why);
      });

    const forms: [kind: 'dns' | 'srv' | 'xmppAddr' | 'ip', value: string][] = [
      ['dns', 'Example.com'],
      ['dns', ' '],
      ['dns', ''],
      ['dns', 'example.com.'],
      ['dns', 'user@example.com'],
      ['dns', '-a.example'],
      ['dns', 'a_b.example'],
      ['dns', 'a.*.example'],
      ['dns', 'münchen.example'],
      ['srv', '_xmpps-server.example.com'],
      ['srv', '_xmpp-server._tcp.example.com'],
      ['srv', '_xmpp-server.*.example.com'],
      ['srv', 'example.com'],
      ['xmppAddr', 'user@example.com'],
      ['xmppAddr', 'example.com/resource'],
      ['xmppAddr', 'a b.example'],
      ['ip', '1.2.3'],
    ];
    for (const [kind, value] of forms)
      it(`the ${kind} name "${value}" (RFC 5280 §4.2.1.6)`, () => {
        const spec = { ...leaf, altNames: [...(leaf.altNames ?? []), { kind, value }] };
        refuses(encodeTbs(spec), spec);
      });
  });

  describe('refuses the encoding:', () => {
    it('bytes after the end', () => refuses(Buffer.concat([tbs, Buffer.of(5, 0)]), meant, /bytes follow its end/));
    it('bytes that are cut off', () => refuses(tbs.subarray(0, -1), meant, /truncated/));
    it('nothing', () => refuses(new Uint8Array(), meant, /truncated/));
    it('version 1 (RFC 5280 §4.1.2.1)', () =>
      refuses(
        changed(m => m.slice(1)),
        meant,
      ));
    it('version 2 (RFC 5280 §4.1.2.1)', () =>
      refuses(
        changed(([, ...rest]) => [{ tag: 0xa0, members: [{ tag: 2, value: Buffer.of(1) }] }, ...rest]),
        meant,
        /version is not 3/,
      ));
    for (const n of [1, 2])
      it(`the unique identifier [${n}] (RFC 5280 §4.1.2.8)`, () =>
        refuses(
          changed(m => [...m.slice(0, 7), { tag: 0x80 | n, value: Buffer.of(0, 1) }, ...m.slice(7)]),
          meant,
          /9 members/,
        ));
    it('GeneralizedTime before 2050 (RFC 5280 §4.1.2.5)', () =>
      refuses(
        changed(m => m.map((n, i) => (i === 4 ? node(sequence(generalizedTime(meant.notBefore), time(meant.notAfter))) : n))),
        meant,
        /GeneralizedTime before 2050/,
      ));
    it('UTCTime without seconds (RFC 5280 §4.1.2.5.1)', () =>
      refuses(
        changed(m => m.map((n, i) => (i === 4 ? node(sequence(tlv(0x17, Buffer.from('2610010000Z')), time(meant.notAfter))) : n))),
        meant,
        /another form/,
      ));
    it('UTCTime with a zone (RFC 5280 §4.1.2.5.1)', () =>
      refuses(
        changed(m => m.map((n, i) => (i === 4 ? node(sequence(tlv(0x17, Buffer.from('261001000000+0000')), time(meant.notAfter))) : n))),
        meant,
        /another form/,
      ));
    it('a fraction of a second (RFC 5280 §4.1.2.5.2)', () => {
      const spec = { ...rootMeant, notAfter: 2556144000 };
      const bytes = changed(
        m => m.map((n, i) => (i === 4 ? node(sequence(time(spec.notBefore), tlv(0x18, Buffer.from('20510101000000.0Z')))) : n)),
        encodeTbs(spec),
      );
      refuses(bytes, spec, /another form/);
    });
    it('a day that does not exist', () =>
      refuses(
        changed(m => m.map((n, i) => (i === 4 ? node(sequence(tlv(0x17, Buffer.from('260931000000Z')), time(meant.notAfter))) : n))),
        { ...meant, notBefore: 1790812800 },
        /does not exist/,
      ));
    it('another string type in the subject (RFC 5280 §4.1.2.6)', () => {
      for (const tag of [0x13, 0x14, 0x1e, 0x1c, 0x16])
        refuses(
          changed(m =>
            m.map((n, i) =>
              i === 5 ? node(sequence(tlv(0x31, sequence(oid(oids.commonName), tlv(tag, Buffer.from('example.com')))))) : n,
            ),
          ),
          meant,
          /string type/,
        );
    });
    it('a user notice, a second qualifier, none in their list, another string type (RFC 5280 §4.2.1.4)', () => {
      const cps = (tag: number) => sequence(oid(oids.cps), tlv(tag, Buffer.from(testPolicy.cps ?? '')));
      const policyOf = (...qualifiers: Uint8Array[]) =>
        changedExtensions(list =>
          list.map(e =>
            isExtension(oids.certificatePolicies)(e)
              ? node(sequence(oid(oids.certificatePolicies), octetString(sequence(sequence(oid(testPolicy.id), ...qualifiers)))))
              : e,
          ),
        );
      lint(policyOf(sequence(cps(0x16))), meant);
      refuses(policyOf(sequence(sequence(oid('1.3.6.1.5.5.7.2.2'), sequence()))), meant, /unknown policy qualifier/);
      refuses(policyOf(sequence(cps(0x16), cps(0x16))), meant, /2 members/);
      refuses(policyOf(sequence()), meant, /0 members/);
      refuses(policyOf(sequence(cps(0x0c))), meant, /tag c/);
    });
    it('two attributes in one SET of the subject', () => {
      const pair = sequence(oid(oids.commonName), tlv(0x0c, Buffer.from('example.com')));
      refuses(
        changed(m => m.map((n, i) => (i === 5 ? node(sequence(tlv(0x31, pair, pair))) : n))),
        meant,
      );
    });

    const ids = Object.entries(oids).filter(([, id]) => changedExtensionsHas(id));
    for (const [name, id] of ids) {
      it(`the extension ${name} twice (RFC 5280 §4.2)`, () =>
        refuses(
          changedExtensions(list => [...list, ...list.filter(isExtension(id)).slice(0, 1)]),
          meant,
          /stands twice/,
        ));
      it(`the extension ${name} with the other criticality (RFC 5280 §4.2.1)`, () =>
        refuses(
          changedExtensions(list => list.map(e => (isExtension(id)(e) ? withOtherCriticality(e) : e))),
          meant,
          /criticality/,
        ));
      it(`the extension ${name} with an explicit FALSE (X.690 §11.5)`, () =>
        refuses(
          changedExtensions(list => list.map(e => (isExtension(id)(e) ? withFlag(e, 0) : e))),
          meant,
        ));
      it(`without the extension ${name}`, () =>
        refuses(
          changedExtensions(list => list.filter(e => !isExtension(id)(e))),
          meant,
        ));
    }
    for (const id of ['2.5.29.18', '2.5.29.30', '2.5.29.33', '2.5.29.36', '2.5.29.46', '2.5.29.54', '1.3.6.1.5.5.7.1.11', '1.2.3.4'])
      it(`an extension that nobody asked for: ${id}`, () =>
        refuses(
          changedExtensions(list => [...list, node(sequence(oid(id), octetString(sequence())))]),
          meant,
          /was not asked for/,
        ));

    for (const [what, change] of Object.entries(structural))
      it(`${what}, at any depth`, () => {
        for (const [kind, spec] of Object.entries(everyKind)) {
          const bytes = encodeTbs(spec);
          for (const [path, tree] of variants(parseTree(bytes), change)) {
            const wrong = writeTree(tree);
            if (Buffer.from(wrong).equals(bytes)) continue;
            assert.throws(() => lint(wrong, spec), LintError, `${kind}${path}`);
          }
        }
      });
  });

  for (const [kind, spec] of Object.entries(everyKind))
    it(`notices a bit that is flipped in any octet of the kind ${kind}`, () => {
      const bytes = encodeTbs(spec);
      for (let i = 0; i < bytes.length; i++)
        // Every bit of the kind with the most extensions, one bit an octet of the others.
        for (const bit of spec === meant ? [0, 1, 2, 3, 4, 5, 6, 7] : [(i * 5) & 7]) {
          const wrong = Uint8Array.from(bytes);
          wrong[i] = (wrong[i] ?? 0) ^ (1 << bit);
          assert.throws(() => lint(wrong, spec), LintError, `octet ${i}, bit ${bit}`);
        }
    });

  it('says LintError and nothing else of any bytes', () => {
    fc.assert(
      fc.property(mutated([tbs, encodeTbs(addr)]), bytes => {
        if (!Buffer.from(bytes).equals(tbs)) assert.throws(() => lint(bytes, meant), LintError);
      }),
      { numRuns: 1000 },
    );
  });

  it('says LintError and nothing else of any two leaves', () => {
    const names = fc.array(fc.constantFrom('a.example', 'b.example', '*.c.example', 'xn--mnchen-3ya.example'), {
      minLength: 1,
      maxLength: 3,
    });
    const spec = fc
      .tuple(names, fc.constantFrom('xmpp-server', 'xmpp-server-addr', 'xmpp-server-short'), fc.integer({ min: 1, max: 1e9 }))
      .map(([list, profile, serial]) => leafMeant({ names: [...new Set(list)], profile, serial: serialOf(serial) }));
    fc.assert(
      fc.property(spec, spec, (a, b) => {
        lint(encodeTbs(a), a);
        if (Buffer.from(a.serial).equals(b.serial)) return;
        assert.throws(() => lint(encodeTbs(a), b), LintError);
      }),
      { numRuns: 50 },
    );
  });
});

describe('checkSigned', () => {
  const { signatureAlgorithm, spki } = issuingFacts;

  it('accepts the bytes under the issuer key', async () => {
    assert.ok(checkSigned(assemble(tbs, signatureAlgorithm, await issuingSigner.sign(tbs)), tbs, signatureAlgorithm, spki));
  });
  it('refuses other bytes', async () => {
    const other = encodeTbs(addr);
    assert.ok(!checkSigned(assemble(other, signatureAlgorithm, await issuingSigner.sign(other)), tbs, signatureAlgorithm, spki));
  });
  it('refuses a signature by another key', async () => {
    assert.ok(!checkSigned(assemble(tbs, signatureAlgorithm, await issuingSigner.sign(tbs)), tbs, signatureAlgorithm, rootFacts.spki));
  });
  it('refuses another outer algorithm (RFC 5280 §4.1.1.2)', async () => {
    const der = assemble(tbs, rootFacts.signatureAlgorithm, await issuingSigner.sign(tbs));
    assert.ok(!checkSigned(der, tbs, signatureAlgorithm, spki));
  });
  it('refuses a signature that was altered', async () => {
    const signature = await issuingSigner.sign(tbs);
    signature[signature.length - 1] = (signature.at(-1) ?? 0) ^ 1;
    assert.ok(!checkSigned(assemble(tbs, signatureAlgorithm, signature), tbs, signatureAlgorithm, spki));
  });
  it('refuses an empty signature', () => {
    assert.ok(!checkSigned(assemble(tbs, signatureAlgorithm, new Uint8Array()), tbs, signatureAlgorithm, spki));
  });
});

/** Of extensions, or of access descriptions. */
function isUnordered(members: readonly Node[]): boolean {
  if (members.every(m => m.members?.[0]?.tag === 6 && m.members.at(-1)?.tag === 0x86)) return true;
  return members.length > 2 && members.every(m => m.tag === 0x30 && m.members?.[0]?.tag === 6 && m.members.at(-1)?.tag === 4);
}

function changedExtensionsHas(id: string): boolean {
  return (parseTree(tbs)[0]?.members?.[7]?.members?.[0]?.members ?? []).some(e =>
    Buffer.from(e.members?.[0]?.value ?? []).equals(Buffer.from(oid(id).subarray(2))),
  );
}

function withFlag(extension: Node, octet: number): Node {
  const parts = extension.members ?? [];
  return { tag: 0x30, members: [parts[0] as Node, { tag: 1, value: Buffer.of(octet) }, parts.at(-1) as Node] };
}

function withOtherCriticality(extension: Node): Node {
  const parts = extension.members ?? [];
  return parts.length === 3 ? { tag: 0x30, members: [parts[0] as Node, parts[2] as Node] } : withFlag(extension, 0xff);
}

function leafWithout({ crlUrl: _crl, ocspUrl: _ocsp, ...rest }: CertificateSpec): CertificateSpec {
  return rest;
}
