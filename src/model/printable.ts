/** Characters that are shown. */
const most = 200;

/** Text of a stranger, fit for a problem's detail: the start of it, with control characters, quotes, angle brackets and backslashes as `\u003c`. */
export function printable(text: string): string {
  const short = text.length > most ? `${text.slice(0, most)}…` : text;
  return short.replace(/[\p{C}\p{Zl}\p{Zp}"'<>\\]/gu, c => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);
}
