import { toASCII } from 'tr46';

/*
 * What people write differently and mean alike: names and addresses are compared in these forms. The forms are hashed under a key and never stored.
 */

export function normalName(name: string): string {
  return name.normalize('NFKC').trim().replace(/\s+/g, ' ').toLowerCase();
}

/** Local parts differ in case nowhere that matters; a domain is the same in U-labels and A-labels. */
export function normalAddress(address: string): string {
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1).trim();
  return `${address.slice(0, Math.max(0, at)).trim().normalize('NFKC').toLowerCase()}@${toASCII(domain) || domain.toLowerCase()}`;
}
