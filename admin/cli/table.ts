// Lists of resources as an aligned table, written while the pages arrive. The first page decides on
// columns and widths; a later value that is wider moves its row, and nothing else.
import type { DescField, DescMessage, Message } from '@bufbuild/protobuf';
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import { DroverError } from '../../lib/error.ts';
import { cutToWidth, displayWidth, padToWidth } from '../../lib/format.ts';
import { spokenName } from './command-name.ts';
import { fitsCell, formatCell, isNumeric } from './cell.ts';

/** A column: the fields that lead from the resource to its value. */
export type Column = readonly DescField[];

export interface TableOptions {
  /**
   * Names of fields, with dots where they are nested; chosen by what there is to see when absent.
   */
  columns: readonly string[] | undefined;
  /** Columns of the terminal; undefined when nobody looks, and the width does not matter. */
  width: number | undefined;
  /** What a person wants to see of the resource first, in this order; the rest follows. @default nothing */
  leading?: readonly LeadingColumn[];
  /** Nothing follows the leading columns, where there are any, and the last that is shown is cut to the room it has. @default false */
  isBrief?: boolean;
}

export interface LeadingColumn {
  /** The name of a field, with dots where it is nested. */
  field: string;
  /** @default the field's name */
  title?: string;
}

/** Resources of one type as lines. */
export class Table {
  readonly #resource: DescMessage;
  readonly #options: TableOptions;
  #layout: { columns: Column[]; widths: number[] } | undefined;

  /** Throws INVALID_ARGUMENT when a column is no field of the resource. */
  constructor(resource: DescMessage, options: TableOptions) {
    this.#resource = resource;
    this.#options = options;
    for (const name of options.columns ?? []) findColumn(resource, name);
  }

  /**
   * The lines of a page, with the header before the first one; without rows there is no header
   * either.
   */
  lines(rows: readonly Message[]): string[] {
    if (rows.length === 0) return [];
    const reflected = rows.map((row) => reflect(this.#resource, row));
    const header = this.#layout === undefined;
    this.#layout ??= this.#arrange(reflected);
    const { columns, widths } = this.#layout;
    const lines = reflected.map((row) => {
      const cells = columns.map((column, i) => this.#cut(cellOf(row, column), i, widths[i]!));
      return joinCells(cells, columns, widths);
    });
    if (!header) return lines;
    const titles = columns.map((column) => this.#titleOf(column));
    return [joinCells(titles, columns, widths), ...lines];
  }

  /** On a terminal a row is one line, except that the name of a thing is never cut. */
  #cut(cell: string, index: number, width: number): string {
    const isFitted = this.#options.width !== undefined && this.#options.columns === undefined;
    return isFitted && index > 0 ? cutToWidth(cell, width) : cell;
  }

  #titleOf(column: Column): string {
    const named = this.#options.leading?.find(({ field }) => field === pathOf(column))?.title;
    return named === undefined ? titleOf(column) : named.toUpperCase();
  }

  #arrange(rows: readonly ReflectMessage[]): { columns: Column[]; widths: number[] } {
    const { columns: names, width, leading = [], isBrief = false } = this.#options;
    const chosen =
      names?.map((name) => findColumn(this.#resource, name)) ??
      filledColumns(candidates(this.#resource, leading, isBrief), rows, leading);
    const measured = chosen.map((column) => ({
      column,
      width: Math.max(displayWidth(this.#titleOf(column)), widthOf(column, rows)),
      place: placeOf(column, leading),
    }));
    const fitting =
      names === undefined && width !== undefined ? fit(measured, width, isBrief) : measured;
    return {
      columns: fitting.map((one) => one.column),
      widths: fitting.map((one) => one.width),
    };
  }
}

interface Measured {
  column: Column;
  width: number;
  /** Its place among the leading columns; Infinity for the others. */
  place: number;
}

/** Between two columns. */
const gap = '  ';
/** A column is aligned up to this width; what is longer moves its row. */
const alignedWidthMax = 60;
/** A column that is cut is not cut to less. */
const cutWidthMin = 20;
/** Fields that say nothing to a person. */
const technical = new Set(['uid', 'etag']);

function candidates(
  resource: DescMessage,
  leading: readonly LeadingColumn[],
  isBrief: boolean,
): Column[] {
  const named = leading.map(({ field }) => findColumn(resource, field));
  if (isBrief && named.length > 0) return named;
  const fields = resource.fields.filter((field) => fitsCell(field) && !technical.has(field.name));
  return [...named.filter((column) => column.length > 1), ...fields.map((field) => [field])];
}

function filledColumns(
  all: readonly Column[],
  rows: readonly ReflectMessage[],
  leading: readonly LeadingColumn[],
): Column[] {
  const columns = all.filter((column) => rows.some((row) => !empties.has(cellOf(row, column))));
  // Sorting keeps the order of the fields where the places are equal.
  const places = new Map(columns.map((column) => [column, placeOf(column, leading)]));
  return columns.toSorted((one, other) => compare(places.get(one)!, places.get(other)!));
}

/** What stands in a cell that says nothing. */
const empties = new Set(['', '0', '0 B', '0.0', 'no']);

function placeOf(column: Column, leading: readonly LeadingColumn[]): number {
  const place = leading.findIndex((one) => one.field === pathOf(column));
  return place < 0 ? Infinity : place;
}

function pathOf(column: Column): string {
  return column.map((field) => field.name).join('.');
}

function compare(one: number, other: number): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/**
 * As many columns as the terminal has room for, the more telling ones first, in the order of the
 * fields. The first that does not fit may be cut.
 */
function fit(measured: readonly Measured[], width: number, mayCut: boolean): readonly Measured[] {
  const kept = new Map<Measured, Measured>();
  let room = width;
  const inRank = measured.toSorted(
    (a, b) => compare(a.place, b.place) || rank(a, measured) - rank(b, measured),
  );
  for (const one of inRank) {
    const before = kept.size > 0 ? gap.length : 0;
    const isCut = mayCut && one.width >= cutWidthMin && room - before >= cutWidthMin;
    const taken = isCut ? Math.min(one.width, room - before) : one.width;
    if (kept.size > 0 && taken + before > room) continue;
    kept.set(one, { ...one, width: taken });
    room -= taken + before;
  }
  return measured.flatMap((one) => kept.get(one) ?? []);
}

/**
 * The name comes first, then what has few values (states and the like), then texts and numbers,
 * then times.
 */
function rank(one: Measured, all: readonly Measured[]): number {
  const field = one.column.at(-1)!;
  if (one === all[0]) return 0;
  if (field.fieldKind === 'enum') return 1;
  return field.fieldKind === 'message' ? 3 : 2;
}

function widthOf(column: Column, rows: readonly ReflectMessage[]): number {
  const widths = rows.map((row) => displayWidth(cellOf(row, column)));
  const widest = widths.reduce((one, other) => Math.max(one, other), 0);
  return Math.min(widest, alignedWidthMax);
}

function findColumn(resource: DescMessage, name: string): Column {
  const column: DescField[] = [];
  let message: DescMessage | undefined = resource;
  for (const part of name.split('.')) {
    const wanted = part.replaceAll('-', '_');
    const field: DescField | undefined = message?.fields.find((one) => one.name === wanted);
    if (field === undefined) throw noColumn(resource, name);
    column.push(field);
    message = field.fieldKind === 'message' ? field.message : undefined;
  }
  if (!fitsCell(column.at(-1)!)) throw noColumn(resource, name);
  return column;
}

function noColumn(resource: DescMessage, name: string): DroverError {
  const names = resource.fields.flatMap((field) =>
    fitsCell(field)
      ? [field.name]
      : field.fieldKind === 'message'
        ? field.message.fields.filter(fitsCell).map((inner) => `${field.name}.${inner.name}`)
        : [],
  );
  return DroverError.invalid('--columns', `"${name}" is not one of ${names.join(', ')}`);
}

function cellOf(row: ReflectMessage, column: Column): string {
  let message = row;
  for (const field of column.slice(0, -1)) {
    if (field.fieldKind !== 'message' || !message.isSet(field)) return '';
    message = message.get(field);
  }
  return formatCell(message, column.at(-1)!) ?? '';
}

function titleOf(column: Column): string {
  return column
    .map((field) => spokenName(field.name))
    .join(' ')
    .toUpperCase();
}

function joinCells(cells: string[], columns: Column[], widths: number[]): string {
  return cells
    .map((cell, i) =>
      isNumeric(columns[i]!.at(-1)!)
        ? ' '.repeat(Math.max(0, widths[i]! - displayWidth(cell))) + cell
        : padToWidth(cell, widths[i]!),
    )
    .join(gap)
    .trimEnd();
}
