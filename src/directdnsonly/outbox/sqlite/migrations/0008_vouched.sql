-- A list that an operator has vouched for is what later ones are compared with: how many of the zones that its server had
-- pushed to us it held. 0: nobody had to vouch, or its zones are gone and the usual share holds again.
ALTER TABLE da_list ADD COLUMN vouched INTEGER NOT NULL DEFAULT 0;
