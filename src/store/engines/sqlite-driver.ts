import { createRequire } from 'node:module';
import type BetterSqlite3 from 'better-sqlite3';

/** better-sqlite3 13 does not run below Node 22, and 12 aborts the process on Node 24 when its objects are collected: each where it works. */
const name = Number(process.versions.node.split('.')[0]) >= 22 ? 'better-sqlite3-13' : 'better-sqlite3';

export const Database: typeof BetterSqlite3 = createRequire(import.meta.url)(name);
