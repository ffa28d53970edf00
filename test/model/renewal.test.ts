import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Certificate } from '../../src/model/certificate.ts';
import { certId, movedWindow, parseCertId, suggestedWindow } from '../../src/model/renewal.ts';

const day = 86400;
const notBefore = 1_790_000_000;
/** The serial decides where in the spread a window lies. */
const serials = { earliest: '0100000000', latest: '01ffffffff' };

type Life = Parameters<typeof suggestedWindow>[0];
const life = (seconds: number, more: Partial<Life> = {}): Life => ({
  serial: serials.earliest,
  notBefore,
  notAfter: notBefore + seconds,
  ...more,
});
const revoked = (at: number): Pick<Certificate, 'revocation'> => ({ revocation: { at, reason: 'superseded', by: 'operator' } });

describe('suggested window (RFC 9773 §4.2)', () => {
  const inDays: [what: string, life: Life, start: number, end: number][] = [
    ['90 days, the first of a fleet', life(90 * day), 58.5, 65.7],
    ['90 days, the last of a fleet', life(90 * day, { serial: serials.latest }), 63, 70.2],
    ['7 days, the first of a fleet', life(7 * day), 3.15, 3.71],
    ['7 days, the last of a fleet', life(7 * day, { serial: serials.latest }), 3.5, 4.06],
    ['10 days, still short', life(10 * day), 4.5, 5.3],
    ['11 days', life(11 * day), 7.15, 8.03],
    ['moved', life(90 * day, { movedWindow: { start: notBefore + day, end: notBefore + 2 * day } }), 1, 2],
    ['moved to a time before it was issued', life(90 * day, { movedWindow: { start: notBefore - 2 * day, end: notBefore - day } }), -2, -1],
    ['moved to its very end: not for it', life(90 * day, { movedWindow: { start: notBefore, end: notBefore + 82 * day } }), 58.5, 65.7],
    ['moved beyond its end: not for it', life(90 * day, { movedWindow: { start: notBefore, end: notBefore + 100 * day } }), 58.5, 65.7],
  ];
  for (const [what, of, start, end] of inDays)
    it(what, () => {
      const window = suggestedWindow(of, notBefore + 10 * day);
      assert.ok(Math.abs(window.start - notBefore - start * day) <= 1, `starts on day ${(window.start - notBefore) / day}`);
      assert.ok(Math.abs(window.end - notBefore - end * day) <= 1, `ends on day ${(window.end - notBefore) / day}`);
    });

  it('of a revoked certificate lies in the past, whatever an operator moved', () => {
    const movedWindow = { start: notBefore + day, end: notBefore + 2 * day };
    for (const [at, now] of [
      [notBefore + 5, notBefore + 5],
      [notBefore + 5, notBefore + 9 * day],
      [notBefore + 7, notBefore + 5],
    ] as const) {
      const { start, end } = suggestedWindow(life(90 * day, { movedWindow, ...revoked(at) }), now);
      assert.ok(start < end && end < now);
    }
  });

  it('is the moved one only where that counts', () => {
    const moved = { start: notBefore, end: notBefore + day, explanation: 'https://ca.test/why' };
    assert.deepEqual(movedWindow(life(90 * day, { movedWindow: moved })), moved);
    assert.equal(movedWindow(life(90 * day)), undefined);
    assert.equal(movedWindow(life(day, { movedWindow: moved })), undefined);
    assert.equal(movedWindow(life(90 * day, { movedWindow: moved, ...revoked(notBefore) })), undefined);
  });

  it('starts before it ends, and ends before the certificate does, for any life', () => {
    const serial = fc.stringMatching(/^[0-9a-f]{2,40}$/);
    const moved = fc.option(
      fc.tuple(fc.integer({ min: -1000 * day, max: 1000 * day }), fc.integer({ min: 1, max: 1000 * day })).map(([start, length]) => ({
        start: notBefore + start,
        end: notBefore + start + length,
      })),
      { nil: undefined },
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4000 * day }), serial, moved, (seconds, serial, movedWindow) => {
        const { start, end } = suggestedWindow(life(seconds, { serial, ...(movedWindow && { movedWindow }) }), notBefore);
        assert.ok(Number.isInteger(start) && Number.isInteger(end));
        assert.ok(start < end && end < notBefore + seconds);
      }),
    );
  });

  it('spreads a fleet of one day evenly over days', () => {
    const starts = Array.from({ length: 1000 }, (_, i) => (i * 2654435761) % 2 ** 32)
      .map(bits => suggestedWindow(life(90 * day, { serial: `01${bits.toString(16).padStart(8, '0')}` }), notBefore).start)
      .map(start => Math.floor(((start - notBefore) / day - 58.5) / 0.9));
    const perFifth = [0, 1, 2, 3, 4].map(fifth => starts.filter(s => s === fifth).length);
    assert.ok(
      perFifth.every(n => n > 150 && n < 250),
      perFifth.join(', '),
    );
  });
});

describe('certID (RFC 9773 §4.1)', () => {
  const example = 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE';
  const keyIdentifier = Buffer.from('69885B6B87464041E1B37B847BA0AE2CDE01C8D4', 'hex');

  it('is that of the example in the RFC', () => {
    assert.equal(certId(keyIdentifier, '87654321'), example);
    const parsed = parseCertId(example);
    assert.ok(parsed);
    assert.deepEqual([Buffer.from(parsed.keyIdentifier), parsed.serial], [keyIdentifier, '87654321']);
  });

  it('of any serial reads back', () => {
    const serial = fc.stringMatching(/^(0[1-9a-f]|[1-9a-f][0-9a-f])([0-9a-f]{2}){0,19}$/);
    fc.assert(fc.property(serial, s => assert.equal(parseCertId(certId(keyIdentifier, s))?.serial, s)));
  });

  const bad: Record<string, unknown> = {
    nothing: undefined,
    'no text': 7,
    'an empty text': '',
    'one part': 'aYhba4dGQEHhs3uEe6CuLN4ByNQ',
    'three parts': `${example}.AA`,
    'no key identifier': '.AIdlQyE',
    'no serial': 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.',
    padding: 'aYhba4dGQEHhs3uEe6CuLN4ByNQ=.AIdlQyE=',
    'padding of the serial alone': 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE=',
    'the alphabet of base64': 'aYhba4dGQEHhs3uEe6Cu+N4ByNQ.AIdlQyE',
    'bits behind the last octet': 'aYhba4dGQEHhs3uEe6CuLN4ByNR.AIdlQyE',
    whitespace: `${example}\n`,
    'a negative serial': `aYhba4dGQEHhs3uEe6CuLN4ByNQ.${Buffer.of(0x87, 1).toString('base64url')}`,
    'a serial of zero': `aYhba4dGQEHhs3uEe6CuLN4ByNQ.${Buffer.of(0).toString('base64url')}`,
    'an octet too many before the serial': `aYhba4dGQEHhs3uEe6CuLN4ByNQ.${Buffer.of(0, 0x17).toString('base64url')}`,
    'two octets too many before the serial': `aYhba4dGQEHhs3uEe6CuLN4ByNQ.${Buffer.of(0, 0, 0x87).toString('base64url')}`,
  };
  for (const [what, text] of Object.entries(bad)) it(`is none with ${what}`, () => assert.equal(parseCertId(text), undefined));
});
