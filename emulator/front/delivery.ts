// How one exchange travels over its connection. The faults decide it before the handler runs; the front door goes by it.

/** Bytes go no faster than this once so many of them went freely. */
export interface Pace {
  bytesPerSecond: number;
  /** @default 0 */
  afterBytes?: number;
}

/** Empty: as fast as the connection allows, and answered. */
export interface Delivery {
  /** The connection is cut when so many bytes of the request's body have been read. */
  cutAfterBodyBytes?: number;
  readPace?: Pace;
  writePace?: Pace;
  /** In place of the reply the connection is cut, or nothing ever comes. */
  ending?: 'cut' | 'silence';
  /** Neither counted nor delayed. */
  direct?: boolean;
}
