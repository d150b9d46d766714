/** What was read, or why it cannot be. */
type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly why: string };

/** Calendar arithmetic in UTC for partition bounds: the proleptic Gregorian calendar. */
export interface CalendarStep {
  readonly months: number;
  readonly days: number;
  readonly seconds: number;
}

const STEP = /^\s*(\d+)\s*(second|minute|hour|day|week|month|quarter|year)s?\s*$/i;
const STEPS: Readonly<Record<string, CalendarStep>> = {
  second: { months: 0, days: 0, seconds: 1 },
  minute: { months: 0, days: 0, seconds: 60 },
  hour: { months: 0, days: 0, seconds: 3600 },
  day: { months: 0, days: 1, seconds: 0 },
  week: { months: 0, days: 7, seconds: 0 },
  month: { months: 1, days: 0, seconds: 0 },
  quarter: { months: 3, days: 0, seconds: 0 },
  year: { months: 12, days: 0, seconds: 0 },
};

/** `1 month`, `2 weeks`. */
export function parseStep(text: string): Parsed<CalendarStep> {
  const match = text.length <= 64 ? STEP.exec(text) : null;
  if (match === null) return { ok: false, why: 'is not a step such as 1 month or 2 weeks' };
  const [times, unit] = [Number(match[1]), STEPS[match[2]!.toLowerCase()]!];
  if (times < 1 || times > 1_000_000) return { ok: false, why: 'must be at least 1 unit' };
  const { months, days, seconds } = unit;
  return {
    ok: true,
    value: { months: months * times, days: days * times, seconds: seconds * times },
  };
}

/** An instant: days since 1970-01-01 and seconds into the day. */
export interface Moment {
  readonly days: number;
  readonly seconds: number;
}

const DATE = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2}))?)?(?:Z|\+00)?$/;

/** `2024-01-01` or `2024-01-01 12:30`. */
export function parseMoment(text: string): Parsed<Moment> {
  const match = DATE.exec(text.trim());
  const why = 'is not a date such as 2024-01-31';
  if (match === null) return { ok: false, why };
  const [year, month, day, hour, minute, second] = match.slice(1).map((each) => Number(each ?? 0));
  if (month! < 1 || month! > 12 || day! < 1 || day! > daysIn(year!, month!))
    return { ok: false, why: 'is not a day of the calendar' };
  if (hour! > 23 || minute! > 59 || second! > 59) return { ok: false, why };
  const seconds = hour! * 3600 + minute! * 60 + second!;
  return { ok: true, value: { days: dayNumber(year!, month!, day!), seconds } };
}

/** The moment `times` steps after another; a day that the month lacks becomes its last. */
export function stepsAfter(moment: Moment, step: CalendarStep, times: number): Moment {
  const { year, month, day } = civil(moment.days);
  const months = year * 12 + (month - 1) + step.months * times;
  const [toYear, toMonth] = [Math.floor(months / 12), (months % 12) + 1];
  const base = dayNumber(toYear, toMonth, Math.min(day, daysIn(toYear, toMonth)));
  const seconds = moment.seconds + step.seconds * times;
  const days = base + step.days * times + Math.floor(seconds / 86_400);
  return { days, seconds: seconds % 86_400 };
}

export function isBefore(a: Moment, b: Moment): boolean {
  return a.days < b.days || (a.days === b.days && a.seconds < b.seconds);
}

/** As Postgres prints it: the date, and the time unless it is midnight. */
export function formatMoment(moment: Moment): string {
  const { year, month, day } = civil(moment.days);
  const date = `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
  if (moment.seconds === 0) return date;
  const [hours, rest] = [Math.floor(moment.seconds / 3600), moment.seconds % 3600];
  return `${date} ${pad(hours, 2)}:${pad(Math.floor(rest / 60), 2)}:${pad(rest % 60, 2)}`;
}

/** The end of a partition's name: `2024_01` for months, `2024_01_08` for shorter steps. */
export function partitionSuffix(moment: Moment, step: CalendarStep): string {
  const { year, month, day } = civil(moment.days);
  if (step.seconds > 0)
    return `${formatMoment(moment).slice(0, 10).replaceAll('-', '_')}_${clock(moment)}`;
  if (step.days > 0) return `${pad(year, 4)}_${pad(month, 2)}_${pad(day, 2)}`;
  return step.months % 12 === 0 && month === 1 ? pad(year, 4) : `${pad(year, 4)}_${pad(month, 2)}`;
}

function clock(moment: Moment): string {
  const minutes = Math.floor(moment.seconds / 60);
  return `${pad(Math.floor(minutes / 60), 2)}${pad(minutes % 60, 2)}${pad(moment.seconds % 60, 2)}`;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0');
}

function daysIn(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

/**
 * Days since 1970-01-01. Years are counted from March, so that the leap day ends them, and 400 of
 * them have 146,097 days.
 */
function dayNumber(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const ofEra = y - era * 400;
  const ofYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const days = ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear;
  return era * 146_097 + days - 719_468;
}

function civil(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const d = shifted - era * 146_097;
  const century = Math.floor(d / 36_524) - Math.floor(d / 146_096);
  const y = Math.floor((d - Math.floor(d / 1_460) + century) / 365);
  const ofYear = d - (365 * y + Math.floor(y / 4) - Math.floor(y / 100));
  const m = Math.floor((5 * ofYear + 2) / 153);
  const month = m < 10 ? m + 3 : m - 9;
  const year = y + era * 400 + (month <= 2 ? 1 : 0);
  return { year, month, day: ofYear - Math.floor((153 * m + 2) / 5) + 1 };
}
