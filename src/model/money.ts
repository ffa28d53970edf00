/** Amounts are whole minor units of a currency (ISO 4217); a float never holds one. */

/** Digits after the point, where they are not two. */
const digits: Record<number, string> = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
  3: 'BHD IQD JOD KWD LYD OMR TND',
  4: 'CLF UYW',
};
const digitsOf = new Map(Object.entries(digits).flatMap(([n, list]) => list.split(' ').map(currency => [currency, Number(n)])));

export const minorDigits = (currency: string): number => digitsOf.get(currency) ?? 2;

const known: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'));
export const isCurrency = (text: string): boolean => known.has(text);

/** A decimal in minor units; undefined where it is none, or has more digits than the currency. */
export function parseAmount(text: string, currency: string): bigint | undefined {
  const [, sign = '', whole = '', fraction = ''] = /^(-?)(\d{1,11})(?:\.(\d{1,4}))?$/.exec(text) ?? [];
  const most = minorDigits(currency);
  if (whole === '' || fraction.length > most) return undefined;
  return BigInt(sign + whole + fraction.padEnd(most, '0'));
}

/** `-12.50` */
export const formatAmount = (minor: bigint, currency: string): string => decimal(minor, minorDigits(currency));

/** A share of an amount, with two digits more than the currency has, rounded half away from zero; undefined where there is nothing to share it among. */
export function formatShare(minor: bigint, among: bigint, currency: string): string | undefined {
  return among > 0n ? decimal(divide(minor * 100n, among), minorDigits(currency) + 2) : undefined;
}

/** A part of a whole in per cent with three digits, rounded down: 100.000 is said of all alone. */
export function formatPercent(part: bigint, whole: bigint): string | undefined {
  return whole > 0n ? decimal((part * 100_000n) / whole, 3) : undefined;
}

function divide(dividend: bigint, divisor: bigint): bigint {
  const half = dividend < 0n ? -divisor : divisor;
  return (2n * dividend + half) / (2n * divisor);
}

function decimal(value: bigint, places: number): string {
  const text = (value < 0n ? -value : value).toString().padStart(places + 1, '0');
  const point = text.length - places;
  return `${value < 0n ? '-' : ''}${text.slice(0, point)}${places ? `.${text.slice(point)}` : ''}`;
}
