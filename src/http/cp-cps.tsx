import { readFileSync } from 'node:fs';
import { Marked, type Tokens } from 'marked';
import type { VNode } from 'preact';
import type { Config } from '../config.ts';
import { Document } from '../html/document.tsx';
import { renderHtml, renderPage } from '../html/render.ts';
import { hex } from '../model/encoding.ts';
import { sha256 } from '../model/sha256.ts';
import { shipped, version } from '../shipped.ts';
import { type Cacheable, cacheable, contentOf } from './cacheable.ts';

/** What the document says of this server, in the places {{name}}; null: to be filled in. Nothing of the configuration but this is published. */
export function publicFacts({ publicUrl, status, validation, mail, policy, privacy }: Config): Record<string, string | null> {
  const list = (values: readonly (string | number)[]) => values.join(', ') || 'none';
  const yesOrNo = (value: boolean) => (value ? 'yes' : 'no');
  return {
    version,
    publicUrl,
    'status.publicUrl': status.publicUrl,
    'status.crlDays': String(status.crlDays),
    'status.crlShards': status.crlShards > 1 ? String(status.crlShards) : 'none',
    'validation.methods': list(validation.methods),
    'validation.caaIdentities': list(validation.caaIdentities),
    'validation.allowPrivateAddresses': yesOrNo(validation.allowPrivateAddresses),
    'mail.from': mail.from,
    'privacy.keepAddressDays': String(privacy.keepAddressDays),
    'privacy.keepContactDays': String(privacy.keepContactDays),
    'policy.federation': policy.federation,
    'policy.contact': policy.contact,
    'policy.cpsUrl': policy.cpsUrl,
    'policy.policyOids': list(policy.policyOids),
    'policy.mailboxes': list(policy.mailboxes),
    'policy.proofDays': String(policy.proofDays),
    'policy.externalAccountRequired': yesOrNo(policy.externalAccountRequired),
    'policy.wildcards': yesOrNo(policy.wildcards),
    'policy.maxNames': String(policy.maxNames),
    'policy.duplicatesPerWeek': String(policy.duplicatesPerWeek),
    'policy.expiryNoticeDays': list(policy.expiryNoticeDays),
    'policy.keepDays': String(policy.keepDays),
    'policy.termsOfService': policy.termsOfService ?? 'none',
  };
}

/**
 * Certificate policy and practice statement, by path: as a page and as text. Read and rendered once.
 * @param now since when it says this: configuration and software change with a start only
 */
export function cpCps(config: Config, now: number): Record<'/cp-cps' | '/cp-cps.md', Cacheable> {
  const markdown = readFileSync(shipped('docs/cp-cps.md'), 'utf8');
  const facts = publicFacts(config);
  const document = (type: string, text: string) => {
    const bytes = Buffer.from(text);
    return cacheable(contentOf(type, bytes), hex(sha256(bytes)), now);
  };
  return {
    '/cp-cps': document('text/html; charset=utf-8', renderStatement(markdown, facts)),
    '/cp-cps.md': document(
      'text/markdown; charset=utf-8',
      fillIn(markdown, facts, fact => fact ?? '(to be filled in)'),
    ),
  };
}

type Facts = Readonly<Record<string, string | null>>;

/** @throws Error where a place has no fact */
function fillIn(text: string, facts: Facts, write: (fact: string | null) => string): string {
  return text.replace(/\{\{([\w.]+)\}\}/g, (_, name: string) => {
    const fact = facts[name];
    if (fact === undefined) throw new Error(`docs/cp-cps.md: nothing is known of {{${name}}}`);
    return write(fact);
  });
}

const style =
  'body{max-width:50rem}code{word-break:normal;overflow-wrap:anywhere}h1{line-height:1.2}h2{margin-top:3rem;border-bottom:2px solid #888}h3{margin-top:2.2rem}h4{margin:1.8rem 0 .3rem}h4+p{margin-top:0}' +
  'h2 a,h3 a,h4 a{color:inherit;text-decoration:none}table{border-collapse:collapse;display:block;overflow-x:auto;font-size:.9rem}th,td{border:1px solid #bbb;padding:.25rem .6rem;text-align:left;vertical-align:top}' +
  'th{background:#eee}th code{padding:0}blockquote{margin:.5rem 0;padding:0 0 0 .7rem;border-left:3px solid #9b9;color:#555;font-size:.8rem;line-height:1.4}blockquote p{margin:0}blockquote code{background:none;padding:0}' +
  'mark{padding:0 .3em}nav ol{list-style:none;columns:2 20rem;padding:0}nav li{break-inside:avoid;margin-bottom:1rem}nav ol ol{columns:1;padding-left:1rem;font-size:.9rem}nav ol ol li{margin:0}';

/** Facts are put in at the end: nothing in them is markup. */
export function renderStatement(markdown: string, facts: Facts): string {
  const marked = new Marked({
    renderer: {
      html: ({ text }) => renderHtml(text),
      heading({ depth, tokens, text }) {
        const number = sectionNumber(text);
        const title = { dangerouslySetInnerHTML: { __html: this.parser.parseInline(tokens) } };
        const H = `h${depth}` as 'h1';
        return `${renderHtml(number ? <H id={number}>{<a href={`#${number}`} {...title} />}</H> : <H {...title} />)}\n`;
      },
      link({ href, tokens }) {
        return renderHtml(<a href={href} dangerouslySetInnerHTML={{ __html: this.parser.parseInline(tokens) }} />);
      },
    },
  });
  const headings = marked.lexer(markdown).filter((token): token is Tokens.Heading => token.type === 'heading');
  const contents = renderHtml(<Contents headings={headings} />);
  const body = (marked.parse(markdown, { async: false }) as string).replace('<h2', () => `${contents}\n<h2`);
  const written = fillIn(body, facts, fact => renderHtml(fact === null ? <mark>to be filled in</mark> : fact));
  return renderPage(
    <Document title={headings[0]?.text ?? ''} style={style}>
      <main dangerouslySetInnerHTML={{ __html: written }} />
    </Document>,
  );
}

const sectionNumber = (heading: string): string | undefined => /^\d+(\.\d+)*/.exec(heading)?.[0];

/** Chapters and their sections. */
function Contents({ headings }: { headings: readonly Tokens.Heading[] }): VNode {
  const listed = headings.filter(({ depth }) => depth === 2 || depth === 3);
  const link = ({ text }: Tokens.Heading) => <a href={`#${sectionNumber(text) ?? ''}`}>{text}</a>;
  const sectionsOf = (chapter: number) => {
    const after = listed.slice(chapter + 1);
    const next = after.findIndex(({ depth }) => depth === 2);
    return after.slice(0, next < 0 ? undefined : next);
  };
  return (
    <nav>
      <ol>
        {listed.map((chapter, i) =>
          chapter.depth === 2 ? (
            <li>
              {link(chapter)}
              <ol>
                {sectionsOf(i).map(section => (
                  <li>{link(section)}</li>
                ))}
              </ol>
            </li>
          ) : null,
        )}
      </ol>
    </nav>
  );
}
