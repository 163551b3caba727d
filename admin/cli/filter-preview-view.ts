// `drover filters preview`: how far it is in one line, drawn over itself on a terminal, and at the end what was found.
import type { Message } from '@bufbuild/protobuf';
import {
  FilterPreviewSchema,
  FilterPreviewState,
  type FilterPreview,
  type PreviewFiltersResponse,
} from '../../gen/drover/v1/filter_pb.ts';
import { cutToWidth, formatBytes, formatCount } from '../../lib/format.ts';
import { exitStatus } from './exit-status.ts';
import { recordLines } from './record-view.ts';
import type { CommandContext } from './run-command.ts';
import type { LeadingColumn } from './table.ts';
import type { StreamView } from './special-views.ts';

export class FilterPreviewView implements StreamView {
  readonly #context: CommandContext;
  readonly #leading: Partial<Record<string, readonly LeadingColumn[]>>;
  #latest: FilterPreview | undefined;
  #isDrawn = false;

  /** `leading`: which columns of a list come first. */
  constructor(context: CommandContext, leading: Partial<Record<string, readonly LeadingColumn[]>>) {
    this.#context = context;
    this.#leading = leading;
  }

  async next(message: Message): Promise<void> {
    this.#latest = (message as PreviewFiltersResponse).preview;
    const { format, stdout } = this.#context;
    if (format === 'json' || !stdout.isTerminal || this.#latest === undefined) return;
    const line = cutToWidth(progressLine(this.#latest), stdout.columns - 1);
    await stdout.write(`${this.#back()}${line}\n`);
    this.#isDrawn = true;
  }

  async end(): Promise<number> {
    const { format, stdout } = this.#context;
    if (format === 'json' || this.#latest === undefined) return exitStatus.ok;
    const width = stdout.isTerminal ? stdout.columns : undefined;
    const lines = recordLines(FilterPreviewSchema, sorted(this.#latest), { width, leading: this.#leading }); // oxfmt-ignore
    await stdout.write(`${this.#back()}${lines.join('\n')}\n`);
    return exitStatus.ok;
  }

  #back(): string {
    return this.#isDrawn ? '\x1b[1A\r\x1b[J' : '';
  }
}

function progressLine({ state, scannedItems, keptFiles, keptBytes }: FilterPreview): string {
  const what = state === FilterPreviewState.RUNNING ? 'Looking' : 'Looked';
  return `${what}: ${formatCount(scannedItems)} items, ${formatCount(keptFiles)} files stay (${formatBytes(keptBytes)})`;
}

/** What leaves out the most comes first. */
function sorted(preview: FilterPreview): FilterPreview {
  const rules = preview.rules.toSorted((one, other) => Number(other.items - one.items));
  return { ...preview, rules };
}
