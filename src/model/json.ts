/**
 * JSON text of a stranger: refuses duplicate members, which parsers resolve differently (RFC 8259 §4, RFC 7515 §4).
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  refuseDuplicates(text);
  return value;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Walks text that JSON.parse has accepted: only strings and brackets matter. */
function refuseDuplicates(text: string): void {
  const open: (Set<string> | null)[] = [];
  const tokens = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g;
  for (const [token, isKey] of text.matchAll(tokens)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(null);
    else if (token === '}' || token === ']') open.pop();
    else if (isKey !== undefined) {
      const keys = open.at(-1);
      const key: unknown = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1));
      if (keys?.has(key as string)) throw new SyntaxError(`duplicate member ${JSON.stringify(key)}`);
      keys?.add(key as string);
    }
  }
}
