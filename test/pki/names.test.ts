import assert from 'node:assert/strict';
import fc from 'fast-check';
import { elements, readDer, readOid, tags } from '../../src/pki/der.ts';
import { altNames } from '../../src/pki/issue.ts';
import { type AltName, encodeAltNames, encodeSubject } from '../../src/pki/names.ts';

const hex = (bytes: ArrayBuffer | Uint8Array) => Buffer.from(bytes as Uint8Array).toString('hex');
const ascii = (text: string) => Buffer.from(text, 'latin1').toString('hex');
const utf8 = (text: string) => Buffer.from(text, 'utf8').toString('hex');

/** The one name inside GeneralNames. */
function inside(name: AltName): string {
  const [only, second] = elements(readDer(new Uint8Array(encodeAltNames([name]))), tags.sequence);
  assert.ok(only && !second);
  return hex(only.bytes);
}

const xmppOid = '06082b06010505070805';
const srvOid = '06082b06010505070807';

describe('names', () => {
  describe('bytes of', () => {
    const golden: [what: string, name: AltName, bytes: string][] = [
      ['dNSName (RFC 5280 §4.2.1.6)', { kind: 'dns', value: 'example.com' }, `820b${ascii('example.com')}`],
      ['XmppAddr (RFC 6120 §13.7.1.4)', { kind: 'xmppAddr', value: 'example.com' }, `a019${xmppOid}a00d0c0b${ascii('example.com')}`],
      [
        'SRVName (RFC 4985 §2)',
        { kind: 'srv', value: '_xmpp-server.example.com' },
        `a026${srvOid}a01a1618${ascii('_xmpp-server.example.com')}`,
      ],
      [
        'SRVName for clients (RFC 4985 §2)',
        { kind: 'srv', value: '_xmpp-client.example.com' },
        `a026${srvOid}a01a1618${ascii('_xmpp-client.example.com')}`,
      ],
      [
        'an internationalised dNSName, in A-labels (RFC 5280 §7.2)',
        { kind: 'dns', value: 'xn--mnchen-3ya.example' },
        `8216${ascii('xn--mnchen-3ya.example')}`,
      ],
      [
        'an internationalised XmppAddr, in U-labels (RFC 3920 §5.1.1)',
        { kind: 'xmppAddr', value: 'münchen.example' },
        `a01e${xmppOid}a0120c10${utf8('münchen.example')}`,
      ],
      [
        'an internationalised SRVName, in A-labels (RFC 4985 §2)',
        { kind: 'srv', value: '_xmpp-server.xn--mnchen-3ya.example' },
        `a031${srvOid}a0251623${ascii('_xmpp-server.xn--mnchen-3ya.example')}`,
      ],
      ['an XmppAddr beyond Latin', { kind: 'xmppAddr', value: '例え.テスト' }, `a01e${xmppOid}a0120c10${utf8('例え.テスト')}`],
      ['an iPAddress (RFC 5280 §4.2.1.6)', { kind: 'ip', value: '127.0.0.1' }, '87047f000001'],
      ['an iPAddress of IPv6 (RFC 5280 §4.2.1.6)', { kind: 'ip', value: '2001:db8::a:1' }, `871020010db8${'00'.repeat(8)}000a0001`],
      ['an iPAddress of IPv6 that begins with zeros', { kind: 'ip', value: '::1' }, `8710${'00'.repeat(15)}01`],
      ['an iPAddress of IPv6 that ends with zeros', { kind: 'ip', value: '2001:db8::' }, `871020010db8${'00'.repeat(12)}`],
      ['an iPAddress of IPv6 in full', { kind: 'ip', value: '2001:db8:1:2:3:4:5:6' }, '871020010db8000100020003000400050006'],
    ];
    for (const [what, name, bytes] of golden) it(what, () => assert.equal(inside(name), bytes));

    it('the subject: one SET for each attribute (RFC 5280 §4.1.2.6)', () => {
      const der = hex(encodeSubject({ organizationName: 'Föderation', commonName: 'a.example', serialNumber: '42ff' }));
      const pair = (oid: string, tag: string, text: string) => {
        const value = `${tag}${(text.length / 2).toString(16).padStart(2, '0')}${text}`;
        const inner = `0603${oid}${value}`;
        const sequence = `30${(inner.length / 2).toString(16).padStart(2, '0')}${inner}`;
        return `31${(sequence.length / 2).toString(16).padStart(2, '0')}${sequence}`;
      };
      const sets =
        pair('55040a', '0c', utf8('Föderation')) + pair('550403', '0c', ascii('a.example')) + pair('550405', '13', ascii('42ff'));
      assert.equal(der, `30${(sets.length / 2).toString(16)}${sets}`);
    });
  });

  it('of an empty subject are an empty sequence (RFC 5280 §4.1.2.6)', () => {
    assert.equal(hex(encodeSubject({})), '3000');
  });

  describe('of a profile', () => {
    it('are grouped by kind, in the order of the order', () => {
      assert.deepEqual(altNames(['b.example', 'a.example'], ['dns', 'srv', 'xmppAddr']), [
        { kind: 'dns', value: 'b.example' },
        { kind: 'dns', value: 'a.example' },
        { kind: 'srv', value: '_xmpp-client.b.example' },
        { kind: 'srv', value: '_xmpp-server.b.example' },
        { kind: 'srv', value: '_xmpp-client.a.example' },
        { kind: 'srv', value: '_xmpp-server.a.example' },
        { kind: 'xmppAddr', value: 'b.example' },
        { kind: 'xmppAddr', value: 'a.example' },
      ]);
    });
    it('of a wildcard are the dNSName alone', () => {
      assert.deepEqual(altNames(['*.example.com'], ['dns', 'srv', 'xmppAddr']), [{ kind: 'dns', value: '*.example.com' }]);
    });
    it('have U-labels in the XmppAddr alone', () => {
      const names = altNames(['xn--r8jz45g.xn--zckzah'], ['dns', 'srv', 'xmppAddr']);
      assert.deepEqual(
        names.map(n => n.value),
        ['xn--r8jz45g.xn--zckzah', '_xmpp-client.xn--r8jz45g.xn--zckzah', '_xmpp-server.xn--r8jz45g.xn--zckzah', '例え.テスト'],
      );
    });
  });

  it('are otherNames of one OID and one value, whatever the value', () => {
    const value = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(value, text => {
        const [name] = elements(readDer(new Uint8Array(encodeAltNames([{ kind: 'xmppAddr', value: text }]))), tags.sequence);
        assert.ok(name);
        const [type, wrapper, more] = elements(name, 0xa0);
        assert.ok(type && wrapper && !more);
        assert.equal(readOid(type), '1.3.6.1.5.5.7.8.5');
        const [inner, second] = elements(wrapper, 0xa0);
        assert.ok(inner && !second);
        assert.equal(inner.tag, tags.utf8String);
        assert.equal(Buffer.from(inner.value).toString('utf8'), text);
      }),
    );
  });
});
