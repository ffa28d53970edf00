import type { ComponentChildren, VNode } from 'preact';

const plain =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}code{background:#eee;padding:.1em .3em;word-break:break-all}';

interface Props {
  title: string;
  /** CSS after that of every page, or in the place of it. */
  style?: string | { instead: string };
  children: ComponentChildren;
}

/** A whole page: nothing is loaded for it. */
export function Document({ title, style = '', children }: Props): VNode {
  const css = typeof style === 'string' ? plain + style : style.instead;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>{title}</title>
        <style dangerouslySetInnerHTML={{ __html: css }} />
      </head>
      <body>{children}</body>
    </html>
  );
}
