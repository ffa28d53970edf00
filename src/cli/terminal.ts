import { resolve } from 'node:path';

/** What a command has around it: where its words go, and what it reads of its surroundings. */
export interface Terminal {
  /** The command's answer. */
  out(text: string): void;
  /** What is no part of the answer. */
  err(text: string): void;
  env: NodeJS.ProcessEnv;
  /** Folder that relative paths are relative to. */
  cwd: string;
}

/** The process's own. */
export const processTerminal: Terminal = {
  out: text => void process.stdout.write(text),
  err: text => void process.stderr.write(text),
  env: process.env,
  cwd: process.cwd(),
};

/** A file that was named on the command line. */
export const pathOf = ({ cwd }: Terminal, file: string): string => resolve(cwd, file);
