import { type ComponentChildren, Fragment, h, options, type VNode } from 'preact';
import { renderToString } from 'preact-render-to-string';

/** Attributes whose value a browser may follow or load. */
const urls = ['href', 'src', 'action', 'formaction', 'formAction', 'data', 'poster', 'xlink:href', 'xlinkHref'];

/** A page of this server, a place in the same page, another site, or an address to write to. Browsers drop tabs and ends of lines from a URL: `/\t/` would name another site. */
const isSafe = (url: string): boolean => /^(https?:\/\/|mailto:[^\s?]+$|#|\/(?![/\\]))[^\t\r\n]*$/i.test(url);

/*
 * Text and attributes are escaped as they are rendered. A URL that runs a script has nothing in it that is escaped, so each is looked at when an element is made.
 */
const before = options.vnode;
options.vnode = (vnode: VNode) => {
  if (typeof vnode.type === 'string')
    for (const [name, value] of Object.entries(vnode.props))
      if (urls.includes(name) && !isSafe(String(value)))
        throw new Error(
          `<${vnode.type} ${name}> must be a URL of http, https or mailto, or begin with / or #, and hold no tab or end of a line, got ${JSON.stringify(value)}`,
        );
  before?.(vnode);
};

/** Renders a part of a page; text is escaped. @throws Error where a URL in it is not safe to follow */
export const renderHtml = (part: ComponentChildren): string => renderToString(h(Fragment, null, part));

/** Renders a whole page. */
export const renderPage = (page: VNode): string => `<!doctype html>\n${renderHtml(page)}\n`;
