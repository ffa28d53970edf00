/** Text for people, by whatever way it goes. */
export interface Notice {
  /** Of the outbox row: a second delivery of the same message can be known by it. */
  id: string;
  to: string[];
  subject: string;
  text: string;
}

/** A way to people. */
export interface Channel {
  /** Handed over for at least one of the people. @returns for how many it was refused for good @throws DeliveryError where it is for nobody */
  send(notice: Notice): Promise<{ refused: number }>;
  close(): void;
}

/** Why something was not delivered. */
export class DeliveryError extends Error {
  /** Trying again is useless. */
  readonly permanent: boolean;
  /** RFC 3463, where the other side gave one. */
  readonly enhancedStatus?: string;

  constructor(message: string, permanent: boolean, enhancedStatus?: string) {
    super(message);
    this.permanent = permanent;
    if (enhancedStatus !== undefined) this.enhancedStatus = enhancedStatus;
  }
}
