-- What an app password is held to: OAuth scopes in normal form, separated by spaces. Null where it may do what app passwords may.
ALTER TABLE app_password ADD COLUMN scopes TEXT;
