/** `1 certificate`, `2 certificates`: for nouns whose plural has an s. */
export const plural = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
