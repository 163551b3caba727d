// How many bytes the hashes have that stand one after the other in a column.

export const sha256Bytes = 32;
export const quickXorHashBytes = 20;
