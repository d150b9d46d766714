import {
  accessSync,
  constants,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, extname, join, resolve, sep } from 'node:path';
import { nearest } from '../scenario/suggest.ts';
import type { Source } from './model.ts';

const STANDARD_INPUT = 0;

export type Found = { ok: true; source: Source } | { ok: false; message: string };

/** A scenario by its path (`-` is standard input) or by the name of a bundled one. */
export function findScenario(name: string, folder: string): Found {
  const bundled = bundledScenarios(folder);
  const path = name === '-' || isFile(name) ? name : bundled.get(name.replace(/\.ya?ml$/, ''));
  if (path === undefined) return { ok: false, message: notFound(name, [...bundled.keys()]) };
  try {
    const text = readFileSync(path === '-' ? STANDARD_INPUT : path, 'utf8');
    return { ok: true, source: { file: path, text } };
  } catch (error) {
    return { ok: false, message: `${path}: ${reasonOf(error)}` };
  }
}

/** The text of a file that another one names by a path of its own. */
export function readBeside(
  file: string,
  name: string,
): { ok: true; text: string } | { ok: false; why: string } {
  const path = resolve(dirname(file), name);
  try {
    return { ok: true, text: readFileSync(path, 'utf8') };
  } catch (error) {
    return { ok: false, why: `${path}: ${reasonOf(error)}` };
  }
}

/** The bundled scenarios: path by name, in order of name. */
export function bundledScenarios(folder: string): Map<string, string> {
  const paths = isFolder(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
        /\.ya?ml$/.test(path),
      )
    : [];
  const named = paths.map((path): [string, string] => [
    basename(path, extname(path)),
    join(folder, path),
  ]);
  return new Map(named.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

function notFound(name: string, bundled: readonly string[]): string {
  if (isFolder(name)) return `${name}: is a folder, not a scenario`;
  if (name.includes(sep) || name.includes('/')) return `${name}: no such file`;
  const guess = nearest(name, bundled);
  const hint = guess ? `did you mean ${guess}?` : '`pgherd list` shows the bundled ones';
  return `${name}: no such file, and no bundled scenario of that name; ${hint}`;
}

/** Why a file could not be written, found before a long run rather than after; null if it can. */
export function obstacleTo(path: string): string | null {
  const folder = dirname(path);
  if (isFolder(path)) return `${path}: is a folder`;
  if (isFile(folder)) return `${path}: part of the path is not a folder`;
  try {
    accessSync(isDevice(path) ? path : folder, constants.W_OK);
    return null;
  } catch (error) {
    return `${path}: ${reasonOf(error)}`;
  }
}

/**
 * Writes beside the file and renames, so that nobody ever sees half of it; says what failed. A pipe
 * or a device (`/dev/null`) is written to and not replaced.
 */
export function writeWhole(path: string, text: string): string | null {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    if (isDevice(path)) writeFileSync(path, text);
    else {
      writeFileSync(temporary, text);
      renameSync(temporary, path);
    }
    return null;
  } catch (error) {
    discard(temporary);
    return `${path}: ${reasonOf(error)}`;
  }
}

function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // there is nothing more to be done about it
  }
}

/** Something that is there and is neither a file nor a folder. */
function isDevice(path: string): boolean {
  return isFile(path) && !statSync(path).isFile();
}

/** Whether there is anything but a folder: a file, a pipe, a device. */
export function isFile(path: string): boolean {
  return kindOf(path) === 'file';
}

function isFolder(path: string): boolean {
  return kindOf(path) === 'folder';
}

function kindOf(path: string): 'file' | 'folder' | 'nothing' {
  try {
    return statSync(path).isDirectory() ? 'folder' : 'file';
  } catch {
    return 'nothing'; // also where a part of the path is no folder, or is too long
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  EACCES: 'permission denied',
  EISDIR: 'is a folder',
  ENOTDIR: 'part of the path is not a folder',
  ENOSPC: 'no space left on the disk',
  EROFS: 'the file system is read-only',
};

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ''] ?? message;
}
