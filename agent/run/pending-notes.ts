// Notes of writes that the coordinator has not acknowledged: kept in the journal, and sent again by whoever attaches next.
import { create } from '@bufbuild/protobuf';
import {
  AttachRequestSchema,
  WriteNoteSchema,
  type AttachRequest,
  type LeaseKey,
  type WriteNote as NoteFrame,
} from '../../gen/drover/v1/session_pb.ts';
import { isStopped, untilStopped, type SharedJobState } from '../pool/jobs.ts';
import type { WriteNote } from '../pool/write-notes.ts';
import type { LeaseJournal } from './lease-journal.ts';

/** How long until a journal that could not be written is tried again. */
const journalPauseMs = 500;

export class PendingNotes {
  readonly #journal: LeaseJournal;
  /** By number; no more than there are files that changed since the scan in the batches that agents have at once. */
  readonly #notes = new Map<bigint, NoteFrame>();
  #lastNumber = 0n;
  #send: ((frame: AttachRequest) => void) | undefined;

  constructor(journal: LeaseJournal) {
    this.#journal = journal;
  }

  /** Takes up what an earlier process left. */
  restore(notes: readonly NoteFrame[]): void {
    for (const note of notes) {
      this.#notes.set(note.number, note);
      if (note.number > this.#lastNumber) this.#lastNumber = note.number;
    }
  }

  attach(send: (frame: AttachRequest) => void): void {
    this.#send = send;
    for (const note of this.#notes.values()) send(frameOf(note));
  }

  detach(): void {
    this.#send = undefined;
  }

  /**
   * Answers with true when the note is kept: by the journal, or, while that cannot be written, by the coordinator; with false when the job
   * was told to stop before either was possible. Never rejects.
   */
  async keep(
    key: LeaseKey,
    { path, size, modifiedNs }: WriteNote,
    shared: SharedJobState,
  ): Promise<boolean> {
    const number = (this.#lastNumber += 1n);
    const note = create(WriteNoteSchema, { key, number, path, size: BigInt(size), modifiedNs });
    this.#notes.set(number, note);
    const kept = this.#journal.keepNote(note);
    this.#send?.(frameOf(note));
    let isKept = await kept;
    while (!isKept && this.#notes.has(number)) {
      if (isStopped(shared)) {
        this.#notes.delete(number);
        return false;
      }
      await untilStopped(shared, journalPauseMs);
      if (this.#notes.has(number)) isKept = await this.#journal.keepNote(note);
    }
    return true;
  }

  /** The coordinator has it. */
  acknowledge(number: bigint): void {
    if (this.#notes.delete(number)) void this.#journal.forgetNote(number);
  }
}

function frameOf(value: NoteFrame): AttachRequest {
  return create(AttachRequestSchema, { frame: { case: 'writeNote', value } });
}
