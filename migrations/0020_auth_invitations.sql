-- An invitation that is accepted by signing in with a provider: the hash of its token. The user is `linking_user_id`.
ALTER TABLE "auth.oauth_states" ADD COLUMN invitation TEXT;
