import type { ComponentChildren } from 'preact';
import { Document } from '../html/document.tsx';
import { renderPage } from '../html/render.ts';
import type { Reply } from './reply.ts';

/** No script, nothing from elsewhere. */
export const securityPolicy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'";

/** A plain page under its title. */
export function page(title: string, children: ComponentChildren): Reply {
  return {
    status: 200,
    headers: { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': securityPolicy },
    body: renderPage(
      <Document title={title}>
        <h1>{title}</h1>
        {children}
      </Document>,
    ),
  };
}
