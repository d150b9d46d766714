import type { z } from 'zod';
import type { Finding, Path } from './problem.ts';
import { type IssueHints, splitCandidates } from './schema/values.ts';
import { nearest } from './suggest.ts';

/** Says in the language's own words what the schema has found wrong. */
export function findingsOf(issues: readonly z.core.$ZodIssue[], base: Path = []): Finding[] {
  return issues.flatMap((issue) => findings(issue, base));
}

function findings(issue: z.core.$ZodIssue, base: Path): Finding[] {
  const path = [...base, ...(issue.path as (string | number)[])];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(path, key, issue.message));
    case 'invalid_union':
      return unionFindings(issue, path);
    case 'invalid_key':
      return [{ path, why: issue.issues[0]?.message ?? issue.message, atKey: true }];
    case 'custom':
      return [customFinding(path, issue)];
    default:
      return [{ path, ...plainFinding(issue) }];
  }
}

function unknownKey(path: Path, key: string, message: string): Finding {
  const { why, candidates } = splitCandidates(message);
  return { path: [...path, key], why, nearest: nearest(key, candidates), atKey: true };
}

function customFinding(path: Path, issue: z.core.$ZodIssueCustom): Finding {
  const hints = (issue.params ?? {}) as IssueHints;
  const candidates = hints.candidates ?? [];
  const suggestion =
    hints.nearest ??
    (typeof issue.input === 'string' ? nearest(issue.input, candidates) : undefined);
  const { offset, atKey } = hints;
  return { path, why: splitCandidates(issue.message).why, nearest: suggestion, offset, atKey };
}

/**
 * Of the forms that a value may have, the one that was probably meant: the only one of the value's
 * own kind (a map, a text), else the one in which the trouble lies deepest.
 */
function unionFindings(issue: z.core.$ZodIssueInvalidUnion, path: Path): Finding[] {
  const forms = issue.errors.filter((errors) => !errors.some(isWrongKind));
  if (forms.length === 0) return [{ path, why: wrongKind(issue) }];
  const [best] = [...forms].sort((a, b) => score(a) - score(b));
  return findingsOf(best!, path);
}

/** A map of another kind names its kind otherwise: that is the least likely one. */
function score(errors: readonly z.core.$ZodIssue[]): number {
  const otherKind = errors.some((each) => each.code === 'invalid_value' && each.path.length > 0);
  return errors.length + (otherKind ? 100 : 0);
}

function isWrongKind(issue: z.core.$ZodIssue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === 'invalid_union') return issue.errors.every((each) => each.some(isWrongKind));
  return issue.code === 'invalid_type';
}

function wrongKind(issue: z.core.$ZodIssueInvalidUnion): string {
  if (issue.message !== 'Invalid input') return splitCandidates(issue.message).why;
  const messages = issue.errors.flat().map((each) => splitCandidates(each.message).why);
  const told = messages.find((message) => !message.startsWith('Invalid input'));
  return told ?? 'has not the form of any value that may stand here';
}

function plainFinding(issue: z.core.$ZodIssue): Pick<Finding, 'why' | 'nearest'> {
  const { why, candidates } = splitCandidates(issue.message);
  if (issue.code === 'invalid_value') {
    const input = typeof issue.input === 'string' ? issue.input : '';
    const words = candidates.length > 0 ? candidates : issue.values.map(String);
    const told = why.startsWith('Invalid') ? `is not one of ${words.join(', ')}` : why;
    return { why: told, nearest: nearest(input, words) };
  }
  if (issue.code === 'invalid_type') return { why: typeMessage(issue, why) };
  if (issue.code === 'too_small' && why.startsWith('Too small'))
    return { why: issue.origin === 'array' ? `has fewer than ${issue.minimum} entries` : why };
  if (issue.code === 'too_big' && why.startsWith('Too big'))
    return { why: issue.origin === 'array' ? `has more than ${issue.maximum} entries` : why };
  return { why };
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  array: 'a list',
  object: 'a map',
  record: 'a map',
  boolean: 'on or off',
};

function typeMessage(issue: z.core.$ZodIssueInvalidType, why: string): string {
  if (!why.startsWith('Invalid input')) return why;
  if (issue.input === undefined) return 'is missing';
  return `must be ${KINDS[issue.expected] ?? `of type ${issue.expected}`}`;
}
