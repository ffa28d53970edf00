import type { Reply } from './reply.ts';

const style =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}code{background:#eee;padding:.1em .3em;word-break:break-all}';

/** No script, nothing from elsewhere. */
export const securityPolicy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'";

/** A plain page; paragraphs are HTML. */
export function page(title: string, paragraphs: string[]): Reply {
  const body = [`<h1>${title}</h1>`, ...paragraphs.map(p => `<p>${p}</p>`)].join('\n');
  return {
    status: 200,
    headers: { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': securityPolicy },
    body: htmlDocument(title, body),
  };
}

export function htmlDocument(title: string, body: string, more = ''): string {
  return `<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n<title>${title}</title>\n<style>${style}${more}</style>\n${body}\n</html>\n`;
}
