// What the bench found, as an aligned table and as data.
import { median } from './bench-measure.ts';

/** One line of the result. */
export interface Row {
  title: string;
  drover: string;
  other: string;
  ratio: string;
  target: string;
  /** Undefined where there is no target, or nothing to compare with. */
  isMet: boolean | undefined;
  /** What the line is made of, as it goes into the JSON. */
  values: Record<string, unknown>;
}

/** The most resident memory that each process may have. */
export const memoryBytesMax = 300 * 1024 * 1024;
/** How much more memory ten times the files may need before it counts as growing with them: what a garbage collector varies by. */
const memoryGrowthMax = 1.25;

/** Times against times: the ratio of the medians, ours by theirs, and the most that it should be. */
export function ratioRow(
  title: string,
  oursMs: readonly number[],
  theirsMs: readonly number[],
  target?: { most: number },
): Row {
  const ours = median(oursMs);
  const theirs = theirsMs.length === 0 ? undefined : median(theirsMs);
  const ratio = theirs === undefined ? undefined : ours / theirs;
  return {
    title,
    drover: seconds(ours),
    other: theirs === undefined ? '-' : seconds(theirs),
    ratio: ratio === undefined ? '-' : ratio.toFixed(2),
    target: target === undefined ? '' : `at most ${target.most}`,
    isMet: target && ratio !== undefined ? ratio <= target.most : undefined,
    values: { oursMs, theirsMs, ratio, targetRatioMax: target?.most },
  };
}

/** One figure against what it should be at most or at least. */
export function figureRow(
  title: string,
  value: number,
  target?: { most: number } | { least: number },
): Row {
  const isMost = target !== undefined && 'most' in target;
  const bound = target === undefined ? undefined : isMost ? target.most : (target as { least: number }).least; // oxfmt-ignore
  return {
    title,
    drover: value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(3),
    other: '-',
    ratio: '-',
    target: bound === undefined ? '' : `at ${isMost ? 'most' : 'least'} ${bound}`,
    isMet: bound === undefined ? undefined : isMost ? value <= bound : value >= bound,
    values: { value, target },
  };
}

export interface RunMemory {
  files: number;
  elapsedMs: number;
  coordinator: Memory | undefined;
  agent: Memory | undefined;
}

interface Memory {
  peakBytes: number;
  nowBytes: number;
}

/** Memory of each process in the smaller run and in the larger one. */
export function memoryRows([less, more]: RunMemory[]): Row[] {
  return (['coordinator', 'agent'] as const).flatMap((part) => {
    const [small, large] = [less?.[part], more?.[part]];
    if (small === undefined || large === undefined) return [];
    const line = (which: string, key: keyof Memory): Row => {
      const growth = large[key] / small[key];
      return {
        title: `c  ${part}'s memory ${which}, ${more!.files} items against ${less!.files}`,
        drover: mebibytes(large[key]),
        other: mebibytes(small[key]),
        ratio: growth.toFixed(2),
        target: `under ${mebibytes(memoryBytesMax)}, at most ${memoryGrowthMax}`,
        isMet: large[key] < memoryBytesMax && growth <= memoryGrowthMax,
        values: { lessBytes: small[key], moreBytes: large[key], growth, memoryBytesMax },
      };
    };
    return [line('at its peak', 'peakBytes'), line('at the end', 'nowBytes')];
  });
}

/** The rows as lines of text with aligned columns. */
export function formatTable(rows: readonly Row[]): string[] {
  const header = ['', 'Drover', 'other', 'ratio', 'target', 'met'];
  const cells = rows.map((row) => {
    const met = row.isMet === undefined ? '' : row.isMet ? 'yes' : 'NO';
    return [row.title, row.drover, row.other, row.ratio, row.target, met];
  });
  const widths = header.map((title, column) =>
    Math.max(title.length, ...cells.map((line) => line[column]!.length)),
  );
  const isNumber = (column: number) => column >= 1 && column <= 3;
  return [header, ...cells].map((line) =>
    line
      .map((cell, column) =>
        isNumber(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd(),
  );
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
