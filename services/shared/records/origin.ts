/** Which request made a thing: it stands in the record, so that what workers log and trace of it belongs together. */

export interface Origin {
  /** Id of the request, as its lines in the log have it. */
  request: string;
  /** The trace that the request is part of, as W3C's traceparent; null where nothing is traced. */
  trace: string | null;
}

/** A record that has it; those of earlier versions have none. */
export interface Made {
  origin?: Origin | null | undefined;
}

/** For the lines of a log: nothing where nobody asked. */
export const requestOf = ({ origin }: Made): { requestId?: string } => (origin ? { requestId: origin.request } : {});
