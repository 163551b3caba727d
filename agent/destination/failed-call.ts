/** The key in an error's metadata for the id of the call to a service that failed, by which the service's support finds it. */
export const failedCallKey = 'requestId';
