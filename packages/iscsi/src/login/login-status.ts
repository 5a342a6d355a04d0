/** Status-Class and Status-Detail of a Login Response as one 16-bit number (RFC 7143 section 11.13.5). */
export const loginStatus = {
  success: 0x0000,
  initiatorError: 0x0200,
  authenticationFailure: 0x0201,
  targetNotFound: 0x0203,
  targetRemoved: 0x0204,
  unsupportedVersion: 0x0205,
  tooManyConnections: 0x0206,
  missingParameter: 0x0207,
  sessionTypeNotSupported: 0x0209,
  sessionDoesNotExist: 0x020a,
  invalidDuringLogin: 0x020b,
  serviceUnavailable: 0x0301,
  outOfResources: 0x0302,
} as const;

export type LoginStatus = (typeof loginStatus)[keyof typeof loginStatus];
