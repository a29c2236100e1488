"""What points buy on a site: the catalogue, what it costs whom, and why something cannot be bought or spent."""
