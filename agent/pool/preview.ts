// The preview job: what filters leave out of a source, counted by rule and with samples. Nothing is written, and nothing of it is kept.
import { performance } from 'node:perf_hooks';
import { create } from '@bufbuild/protobuf';
import {
  FilterPreviewSchema,
  FilterPreviewState,
  RulePreviewSchema,
  type FilterPreview,
  type RulePreview,
} from '../../gen/drover/v1/filter_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { openSource } from '../source/open-source.ts';
import { compileFilters } from './filter.ts';
import { isStopped, type JobResult, type PreviewJob } from './jobs.ts';
import { readManifest } from './manifest.ts';
import { showLife } from './sign-of-life.ts';
import { walkManifest } from './walk-manifest.ts';
import { walk, type WalkItem } from './walk.ts';

/** How often what was found is told of. */
const tellMs = 1000;
/** The clock is looked at once for so many items. */
const itemsPerLook = 16;
/** How many rules are counted one by one. */
const rulesMax = 200;
const otherRules = 'other rules';
/** The most characters of all samples together, so that a frame can hold them. */
const sampleCharactersMax = 256 * 1024;

/** Looks at the source. Throws DroverError when it cannot be looked at. The port is closed at the end. */
export function runPreview(job: PreviewJob): JobResult {
  try {
    // It may have waited for a thread for longer than anybody cared.
    if (isStopped(job.shared)) return { kind: 'stopped' };
    using source = openSource(job.source);
    source.check();
    const judge = compileFilters(job.filters, source);
    const found = new Found(job.samplesMax);
    const endMs = performance.now() + job.timeMs;
    let toldMs = performance.now();
    let items = 0;
    const visit = (item: WalkItem): boolean => {
      if (items === job.itemsMax) return false;
      items += 1;
      found.add(item);
      if (items % itemsPerLook !== 0) return true;
      showLife();
      const nowMs = performance.now();
      if (isStopped(job.shared) || nowMs >= endMs) return false;
      if (nowMs - toldMs < tellMs) return true;
      toldMs = nowMs;
      job.port.postMessage(found.state(FilterPreviewState.RUNNING));
      return true;
    };
    const options = { source, judge, afterPath: '' };
    const isWhole =
      job.manifest === undefined
        ? walk(options, visit)
        : walkManifest({ ...options, listed: readManifest(job.manifest) }, visit);
    if (isStopped(job.shared)) return { kind: 'stopped' };
    const { COMPLETE, LIMITED } = FilterPreviewState;
    return { kind: 'previewed', found: found.state(isWhole ? COMPLETE : LIMITED) };
  } finally {
    job.port.close();
  }
}

/** What was found by now. */
class Found {
  readonly #samplesMax: number;
  readonly #preview = create(FilterPreviewSchema);
  readonly #rules = new Map<string, RulePreview>();
  #sampleCharacters = 0;

  constructor(samplesMax: number) {
    this.#samplesMax = samplesMax;
  }

  add({ path, facts, remark }: WalkItem): void {
    const preview = this.#preview;
    const bytes = BigInt(facts.size);
    preview.scannedItems += 1n;
    preview.scannedBytes += bytes;
    if (remark?.rule !== undefined) {
      const rule = this.#rule(remark.rule);
      rule.items += 1n;
      rule.bytes += bytes;
      this.#sample(rule.samples, path);
    } else if (remark !== undefined) {
      preview.unfitItems += 1n;
      this.#sample(preview.unfitSamples, path);
    } else if (facts.kind === ItemKind.FOLDER) preview.keptFolders += 1n;
    else {
      preview.keptFiles += 1n;
      preview.keptBytes += bytes;
      this.#sample(preview.keptSamples, path);
    }
  }

  state(state: FilterPreviewState): FilterPreview {
    this.#preview.state = state;
    this.#preview.rules = [...this.#rules.values()];
    return this.#preview;
  }

  #rule(name: string): RulePreview {
    const known = this.#rules.get(name);
    if (known !== undefined) return known;
    if (this.#rules.size >= rulesMax && name !== otherRules) return this.#rule(otherRules);
    const rule = create(RulePreviewSchema, { rule: name });
    this.#rules.set(name, rule);
    return rule;
  }

  #sample(samples: string[], path: string): void {
    if (samples.length >= this.#samplesMax) return;
    if (this.#sampleCharacters + path.length > sampleCharactersMax) return;
    this.#sampleCharacters += path.length;
    samples.push(path);
  }
}
