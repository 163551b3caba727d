/** The key in an error's metadata that says when a refused certificate begins: the clock is wrong, and the certificate is not. RFC 3339. */
export const certificateBeginsKey = 'certificate_begins';
