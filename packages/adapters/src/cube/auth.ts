import { CubejsHandlerError } from '@cubejs-backend/api-gateway';
import jsonwebtoken from 'jsonwebtoken';
import type { SecurityContext } from '@millrace/core/semantic';
import type { CubeAuth } from './config.ts';

/** What Cube hands over for each HTTP request and for each WebSocket connection. */
export interface AuthRequest {
  securityContext?: SecurityContext;
}

/**
 * Cube's `checkAuth`, instead of its own: that one lets requests without a valid token pass unless `NODE_ENV`
 * is right. Sets the security context, or throws the 403 that Cube sends.
 */
export function createCheckAuth(auth: CubeAuth): (request: AuthRequest, token: string | undefined) => void {
  if (auth.mode === 'open') {
    return (request) => {
      request.securityContext = {};
    };
  }
  return (request, token) => {
    request.securityContext = claimsOf(token, auth.secrets);
  };
}

/** The claims of a token that one of the secrets signed; any other outcome is a refusal. */
function claimsOf(token: string | undefined, secrets: readonly string[]): SecurityContext {
  if (!token) throw new CubejsHandlerError(403, 'Forbidden', "Authorization header isn't set");
  for (const secret of secrets) {
    try {
      const claims = jsonwebtoken.verify(token, secret, { algorithms: ['HS256'] });
      if (typeof claims === 'object' && claims !== null && !Array.isArray(claims)) {
        return claims as SecurityContext;
      }
    } catch {
      // Signed by another secret, or by none of them.
    }
  }
  throw new CubejsHandlerError(403, 'Forbidden', 'Invalid token');
}

/** Groups of access policies: the claim `groups`, when it is a list of texts. */
export function groupsOf({ securityContext }: { securityContext?: SecurityContext }): string[] {
  const groups = securityContext?.['groups'];
  if (!Array.isArray(groups)) return [];
  return groups.filter((group) => typeof group === 'string');
}
